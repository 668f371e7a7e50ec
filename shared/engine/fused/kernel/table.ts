/** Embedding rows: where they lie, and which of them a batch has given a gradient. */
import { Table } from './records.ts'
import { clearRow } from './vector.ts'

export function rowOf(table: Table, id: i32): usize {
  return table.parameters + ((<usize>id * table.width) << 2)
}

/** Notes that row `id` gets a gradient. */
export function touch(table: Table, id: i32): void {
  const flag = table.flags + <usize>id
  if (load<u8>(flag) !== 0) return
  store<u8>(flag, 1)
  append(table.touched, id)
}

/** A list is its length, then its entries. */
export function append(list: usize, value: i32): void {
  const length = load<i32>(list) + 1
  store<i32>(list, length)
  store<i32>(entry(list, length - 1), value)
}

export function entry(list: usize, index: i32): usize {
  return list + 4 + ((<usize>index) << 2)
}

/** Forgets what was touched, and zeroes those rows' gradients. */
export function clearTouched(table: Table, toGradient: usize): void {
  const length = load<i32>(table.touched)
  for (let i = 0; i < length; i++) {
    const id = load<i32>(entry(table.touched, i))
    clearRow(rowOf(table, id) + toGradient, table.width)
    store<u8>(table.flags + <usize>id, 0)
  }
  store<i32>(table.touched, 0)
}
