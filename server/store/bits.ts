/** Bits one after the other, each byte filled from its lowest bit on, as deflate (RFC 1951) has them. */

/** Grows as needed. */
export class BitWriter {
  private bytes = new Uint8Array(1024)
  private at = 0
  private held = 0
  private count = 0

  /** Adds the lowest `length` bits of `value`, 16 at most; the others must be zero. */
  put(value: number, length: number): void {
    this.held |= value << this.count
    this.count += length
    while (this.count >= 8) {
      this.byte(this.held & 255)
      this.held >>>= 8
      this.count -= 8
    }
  }

  /** What was put since the last call, and how many bits it is; the rest of the last byte is zero. */
  take(): { bytes: Uint8Array<ArrayBuffer>; bits: number } {
    const bits = this.at * 8 + this.count
    if (this.count > 0) this.byte(this.held)
    const bytes = this.bytes.slice(0, this.at)
    this.at = this.held = this.count = 0
    return { bytes, bits }
  }

  private byte(value: number): void {
    if (this.at === this.bytes.length) {
      const grown = new Uint8Array(2 * this.at)
      grown.set(this.bytes)
      this.bytes = grown
    }
    this.bytes[this.at++] = value
  }
}

/** Ones after the end are zero. */
export class BitReader {
  private readonly bytes: Uint8Array
  /** In bits. */
  at = 0
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
  /** The next 15 bits and a few more. */
  peek(): number {
    const i = this.at >>> 3
    const { bytes } = this
    return ((bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16)) >>> (this.at & 7)) & 0x7fff
  }
  take(length: number): number {
    const value = this.peek() & ((1 << length) - 1)
    this.at += length
    return value
  }
}
