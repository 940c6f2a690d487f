import { protocolVersion, volleyVersion } from '../base/version.js';
import type { Versions } from '../wire/messages.js';

/** What this process says of itself in its hello. */
export function ownVersions(): Versions {
  return { volley: volleyVersion, protocol: protocolVersion, node: process.version };
}

/**
 * Null when `theirs` may join `own`, else the message that refuses them. Volley and protocol must be equal, and so
 * must Node's major: results are promised bit for bit, and functions travel as source.
 */
export function checkVersions(own: Versions, theirs: Versions, who: string): string | null {
  const differs: string[] = [];
  if (own.volley !== theirs.volley) differs.push('Volley');
  if (own.protocol !== theirs.protocol) differs.push('protocol');
  if (nodeMajor(own) !== nodeMajor(theirs)) differs.push('Node major version');
  if (differs.length === 0) return null;
  return (
    `${who} runs ${describe(theirs)}, this head runs ${describe(own)}: ${differs.join(' and ')} must be equal. ` +
    'Install the same versions on both.'
  );
}

function describe(versions: Versions): string {
  return `Volley ${versions.volley} (protocol ${versions.protocol}) on Node ${versions.node}`;
}

/** 'v20.20.2' → '20'. A text without digits is its own major: equal only to itself. */
function nodeMajor(versions: Versions): string {
  return /^v?(\d+)(\.|$)/.exec(versions.node)?.[1] ?? versions.node;
}
