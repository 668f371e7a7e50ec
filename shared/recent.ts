/** A queue over a growing array: events come in time order and leave from the front as they age. */
export class Recent<T> {
  private items: { at: number; value: T }[] = []
  private head = 0
  get length(): number {
    return this.items.length - this.head
  }
  push(at: number, value: T): void {
    this.items.push({ at, value })
  }
  /** Forgets what happened before `since`; `gone` sees each. */
  dropBefore(since: number, gone?: (value: T) => void): void {
    while (this.head < this.items.length && this.items[this.head]!.at < since) {
      gone?.(this.items[this.head]!.value)
      this.head++
    }
    if (this.head > 1024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
  }
  /** The i-th newest. */
  newest(i: number): T {
    return this.items[this.items.length - 1 - i]!.value
  }
  /** Those at or after `since`, newest first. */
  *since(since: number): Generator<T> {
    for (let i = this.items.length - 1; i >= this.head && this.items[i]!.at >= since; i--)
      yield this.items[i]!.value
  }
}
