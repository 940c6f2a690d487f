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
    if (this.waiting.length > 0 || !this.fits(bytes)) {
      await new Promise<void>(enter => this.waiting.push({ bytes, enter }));
    } else {
      this.inside += bytes;
    }
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
