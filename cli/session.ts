import type { Session } from '../session/session.js';
import { readSecurity, type SecurityFlags } from './options.js';

/** Attaches to a head for one question. */
export async function withSession<T>(
  address: string,
  flags: SecurityFlags,
  ask: (session: Session) => Promise<T>,
): Promise<T> {
  const { connect } = await import('../session/connect.js');
  const { token, tls } = readSecurity(flags);
  const session = await connect(address, {
    token: token ?? undefined,
    tls: tls ?? undefined,
    name: 'volley cli',
  });
  try {
    return await ask(session);
  } finally {
    await session.close();
  }
}
