/** Files that are there whole or not at all, and such as only their owner may read. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Has `write` fill a file beside `path`, which then takes its place in one step; all of it is on disk after that. */
export function replaceFile(path: string, write: (beside: string) => void): void {
  const beside = `${path}.${process.pid}.part`
  try {
    write(beside)
    sync(beside)
    renameSync(beside, path)
    // The folder holds the name; Windows does not let one open it.
    if (process.platform !== 'win32') sync(dirname(path))
  } finally {
    rmSync(beside, { force: true })
  }
}

/** Whether a file that is to be secret can be read by others; Windows does not tell. */
export const othersMayRead = (path: string): boolean =>
  process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0

function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
