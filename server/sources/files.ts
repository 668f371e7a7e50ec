/** Reads text files, plain or gzipped, as chunks or lines; what is wrong with one is said with file and line. */
import { createReadStream } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type * as z from 'zod'
import { AppError, parse } from '../../shared/failure.ts'

export type Encoding = 'latin1' | 'utf8'

/** Whole lines without their ends; `from` is the number of the first, counted from 1. */
export interface Lines {
  readonly from: number
  readonly texts: readonly string[]
}

/** Longer than any line of any source: a file that is not text must not fill the memory. */
const LONGEST_LINE = 1 << 20

/** A line of a file, as people and editors write it. */
export const place = (file: string, line: number): string => `${basename(file)}:${line}`

/** `bad-input` as `file:line: reason`. */
export const badLine = (file: string, line: number, reason: string, options?: ErrorOptions): AppError =>
  new AppError('bad-input', `${place(file, line)}: ${reason}`, options)

/** The path of `name` or `name.gz` in a folder, or undefined where neither exists. */
export async function locate(folder: string, name: string): Promise<string | undefined> {
  for (const path of [join(folder, name), join(folder, `${name}.gz`)]) {
    const exists = await access(path).then(
      () => true,
      () => false,
    )
    if (exists) return path
  }
  return undefined
}

/** The file itself, or `name` in the folder. Throws `bad-input` where there is none. */
export async function fileAt(path: string, name: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile()) return path
  const inside = await locate(path, name)
  if (inside === undefined)
    throw new AppError('bad-input', found ? `${path} has no ${name}.` : `There is no ${path}.`)
  return inside
}

/** Reads a JSON file that must fit `schema`. */
export async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  let text = ''
  for await (const chunk of readText(file, 'utf8')) text += chunk
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new AppError('bad-input', `${basename(file)}: ${(error as Error).message}`, { cause: error })
  }
  return parse(schema, value, basename(file))
}

/** The text of a file in chunks, never more than some of it in memory. Bytes that are not UTF-8 are refused. */
export async function* readText(file: string, encoding: Encoding): AsyncGenerator<string> {
  const decode = decoder(encoding)
  let line = 1
  try {
    for await (const bytes of open(file)) {
      const text = decode(bytes as Buffer)
      yield text
      line += countEnds(text)
    }
    decode()
  } catch (error) {
    if (error instanceof AppError) throw error
    throw badLine(file, line, `the file cannot be read from here on (${(error as Error).message})`, {
      cause: error,
    })
  }
}

/** The lines of a file in chunks, ended by LF or CRLF; an end after the last line is not a line more. */
export async function* readLines(file: string, encoding: Encoding): AsyncGenerator<Lines> {
  let from = 1
  let rest = ''
  for await (const text of readText(file, encoding)) {
    const texts = (rest + text).split('\n')
    rest = texts.pop()!
    if (rest.length > LONGEST_LINE) throw badLine(file, from + texts.length, 'the line is too long')
    if (texts.length > 0) yield { from, texts: texts.map(withoutReturn) }
    from += texts.length
  }
  if (rest !== '') yield { from, texts: [withoutReturn(rest)] }
}

function open(file: string): NodeJS.ReadableStream {
  const bytes = createReadStream(file, { highWaterMark: 1 << 18 })
  if (!file.endsWith('.gz')) return bytes
  // The error that pipeline reports also ends the iteration of its last stream.
  return pipeline(bytes, createGunzip({ chunkSize: 1 << 18 }), () => {})
}

function decoder(encoding: Encoding): (bytes?: Buffer) => string {
  // TextDecoder's "latin1" is Windows-1252, which differs from ISO-8859-1 in 0x80 … 0x9f.
  if (encoding === 'latin1') return (bytes) => bytes?.toString('latin1') ?? ''
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  return (bytes) => (bytes ? utf8.decode(bytes, { stream: true }) : utf8.decode())
}

function countEnds(text: string): number {
  let ends = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) ends++
  return ends
}

const withoutReturn = (text: string): string => (text.endsWith('\r') ? text.slice(0, -1) : text)
