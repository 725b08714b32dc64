/** A physical network and the bridge that leads to it. */
export interface BridgeMapping {
  readonly network: string;
  readonly bridge: string;
}

/**
 * Reads ovn-bridge-mappings (`physnet1:br-ex,…`) as ovn-controller does: it ends at the first element that is wrong. Blanks
 * around names are part of them. Of two with one network the first counts.
 */
export function readBridgeMappings(text: string, complain: (message: string) => void): BridgeMapping[] {
  const mappings: BridgeMapping[] = [];
  for (const element of text.split(',')) {
    if (element === '') break;
    const at = element.indexOf(':');
    const [network, bridge] = [element.slice(0, at), element.slice(at + 1)];
    if (at < 1 || bridge === '') {
      complain(`"${element}" is no mapping (NETWORK:BRIDGE); this and what follows it is ignored`);
      break;
    }
    if (mappings.some((other) => other.network === network))
      complain(`network "${network}" is mapped twice; only the first counts`);
    else mappings.push({ network, bridge });
  }
  return mappings;
}
