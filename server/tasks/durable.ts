/** Files of a repository, each there whole or not at all, and on disk once its write is over. */
import {
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  unlink,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { PromiseFsClient } from 'isomorphic-git'

/** What touches the disk when a file is written: one after the other, any of which may be the last. */
export interface Steps {
  /** Puts all of it into a new file, on disk. */
  fill(path: string, bytes: Uint8Array): Promise<void>
  /** Gives it its name, on disk. */
  name(from: string, to: string): Promise<void>
}

export const steps: Steps = {
  async fill(path, bytes) {
    const file = await open(path, 'w')
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  },
  async name(from, to) {
    await rename(from, to)
    await syncFolder(dirname(to))
  },
}

/**
 * For isomorphic-git, which writes files in place and takes an object that is there for whole: a process killed in between would
 * leave half of one for ever. `parts` is a folder of its own in the same file system.
 */
export function durableFiles(parts: string, { fill, name }: Steps = steps): PromiseFsClient {
  let count = 0
  async function writeFile(path: string, data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    const beside = join(parts, `${process.pid}-${count++}.part`)
    try {
      await makeFolder(dirname(path))
      await fill(beside, bytes)
      await name(beside, path)
    } finally {
      await rm(beside, { force: true })
    }
  }
  const read = { readFile, readdir, stat, lstat, readlink }
  return { promises: { ...read, writeFile, mkdir: makeFolder, rmdir, unlink, symlink } }
}

/** With those that it is in, all on disk. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first !== undefined) await syncFolder(dirname(first))
}

/** Windows does not let one open a folder. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
