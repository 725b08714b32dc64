/** What is not as it should be. */
export interface Difference {
  kind: 'map' | 'program' | 'attachment' | 'pin';
  /** Map, device, pin or program array. */
  where: string;
  /** For people; empty where there is none. */
  key: string;
  /** Empty: nothing should be there. */
  wanted: string;
  /** Empty: nothing is there. */
  found: string;
  /** The unit of claims that wants it (see Claims); empty: nobody. */
  unit: string;
}
