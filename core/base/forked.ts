/** What a forked `volley` command tells its parent once it works, and whenever its engine starts anew. */
export interface ReadyMessage {
  readonly kind: 'ready';
  /** Of a head, host:port. */
  readonly address?: string;
  /** Of a worker. */
  readonly worker?: number;
  readonly supervisorPid?: number;
  readonly enginePid?: number;
}

/** What a parent tells a forked worker that was started before its head. */
export interface HeadMessage {
  readonly kind: 'head';
  /** host:port */
  readonly address: string;
}
