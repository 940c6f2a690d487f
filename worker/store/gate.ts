/** Lets so many bytes through at a time, in order; one that is larger than all of it goes alone. */
export class ByteGate {
  private readonly capacity: number;
  private inside = 0;
  private readonly waiting: { bytes: number; enter: () => void }[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Resolves with the way out. Leaving twice is harmless. */
  async enter(bytes: number): Promise<() => void> {
    const now = this.tryEnter(bytes);
    if (now !== null) return now;
    await new Promise<void>(enter => this.waiting.push({ bytes, enter }));
    return this.wayOut(bytes);
  }

  /** The way out, or null when it would have to wait. */
  tryEnter(bytes: number): (() => void) | null {
    if (this.waiting.length > 0 || !this.fits(bytes)) return null;
    this.inside += bytes;
    return this.wayOut(bytes);
  }

  private wayOut(bytes: number): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.inside -= bytes;
      this.admit();
    };
  }

  private fits(bytes: number): boolean {
    return this.inside === 0 || this.inside + bytes <= this.capacity;
  }

  private admit(): void {
    for (
      let first = this.waiting[0];
      first !== undefined && this.fits(first.bytes);
      first = this.waiting[0]
    ) {
      this.waiting.shift();
      this.inside += first.bytes;
      first.enter();
    }
  }
}
