/** What is said makes no frame; the message says what is missing. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Longer frames are not traced. */
export const maxFrame = 9000;
/** An Ethernet header. */
export const minFrame = 14;
