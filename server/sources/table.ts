/** Tables in text files: lines of fields, each made into a value or refused with its line and the reason. */
import { badLine, type Encoding, readLines } from './files.ts'

/** Fields of one line and its number. */
export interface Row {
  readonly line: number
  readonly fields: readonly string[]
}

/** Makes a value of a row's fields, or says why they are malformed. */
export type Make<T extends object> = (fields: readonly string[], line: number) => T | string

/** Reads lines of fields; `columns` is how many there are, or their names where the file begins with them. */
export async function* readDelimited<T extends object>(
  file: string,
  encoding: Encoding,
  delimiter: string,
  columns: number | readonly string[],
  make: Make<T>,
): AsyncGenerator<T[]> {
  const names = typeof columns === 'number' ? undefined : columns
  const count = typeof columns === 'number' ? columns : columns.length
  for await (const { from, texts } of readLines(file, encoding)) {
    const rows = texts.map((text, i): Row => ({ line: from + i, fields: text.split(delimiter) }))
    if (names && from === 1) checkHeader(file, names, rows.shift()!)
    yield rows.map((row) => {
      if (row.fields.length !== count)
        throw badLine(file, row.line, `${row.fields.length} fields where ${count} are due`)
      return makeOf(file, row, make)
    })
  }
}

/** Refuses a file whose first row is not the names of its columns. */
export function checkHeader(file: string, names: readonly string[], { line, fields }: Row): void {
  if (fields.join() === names.join()) return
  throw badLine(file, line, `the file must begin with the column names ${names.join(', ')}`)
}

/** What `make` makes of a row; `bad-input` with file, line and reason where it refuses. */
export function makeOf<T extends object>(file: string, { line, fields }: Row, make: Make<T>): T {
  const made = make(fields, line)
  if (typeof made === 'string') throw badLine(file, line, made)
  return made
}

/**
 * A whole number that doubles hold exactly, or undefined. Unlike a piece of a text, it keeps nothing of the file in memory.
 */
export function wholeNumber(text = ''): number | undefined {
  const value = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : undefined
}
