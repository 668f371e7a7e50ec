/** What settings name by its file. All throw `bad-input`, naming the file. */
import { readFileSync } from 'node:fs'
import { AppError } from '../../shared/failure.ts'

export function textIn(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new AppError('bad-input', `${path} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, {
      cause,
    })
  }
}

/** The line break at a file's end is nobody's secret. */
export const secretIn = (path: string): string => textIn(path).replace(/\r?\n$/, '')

export function jsonIn(path: string): unknown {
  const text = textIn(path)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('bad-input', `${path} is not JSON.`, { cause })
  }
}
