/** A folder that a static host serves: every file is there whole or not at all, and who wrote what is noted, to tidy up by. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { parse } from '../../shared/failure.ts'
import { replaceFile } from '../cloud/files.ts'

/** What each publication needs, the newest last. No device asks for it. */
const RECORD = 'published.json'
/** Publications that are remembered, more than anybody keeps. */
const REMEMBERED = 1000
const recordSchema = z.array(
  z.strictObject({
    /** ms */
    at: z.int().min(0),
    files: z.array(z.string().regex(/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/)),
  }),
)

export interface Tree {
  readonly folder: string
  /** Has this file from now on, whatever was there before; written only if it was another. */
  put(path: string, bytes: Uint8Array): void
  /** What was put and is now there. */
  readonly files: ReadonlySet<string>
  /** Of them, what had to be written. */
  readonly written: { readonly files: number; readonly bytes: number }
  /** Counts what the last publication had, and is still there, as put, too, as far as `mine` says so. */
  carry(mine: (path: string) => boolean): void
  /** Notes that all that was put belongs together. */
  note(at: number): void
  /** Removes what was published at some time and by none of the last `keep` publications; says how many files. */
  prune(keep: number): number
}

/** Opens, or makes, the folder. Files in it that were not put there stay as they are. */
export function openTree(folder: string): Tree {
  const files = new Set<string>()
  const written = { files: 0, bytes: 0 }
  const at = (path: string) => join(folder, ...path.split('/'))

  function write(path: string, bytes: Uint8Array): void {
    mkdirSync(dirname(at(path)), { recursive: true })
    replaceFile(at(path), (beside) => writeFileSync(beside, bytes))
  }
  const record = () =>
    existsSync(at(RECORD))
      ? parse(recordSchema, JSON.parse(readFileSync(at(RECORD), 'utf8')), at(RECORD))
      : []
  const save = (entries: z.infer<typeof recordSchema>) =>
    write(RECORD, Buffer.from(`${JSON.stringify(entries)}\n`))

  return {
    folder,
    files,
    written,
    put(path, bytes) {
      files.add(path)
      // Read, and not only looked at: half a file of somebody else's is replaced, too.
      if (existsSync(at(path)) && readFileSync(at(path)).equals(bytes)) return
      write(path, bytes)
      written.files++
      written.bytes += bytes.length
    },
    carry(mine) {
      for (const path of record().at(-1)?.files ?? []) if (mine(path) && existsSync(at(path))) files.add(path)
    },
    note(now) {
      save([...record(), { at: now, files: [...files].sort() }].slice(-REMEMBERED))
    },
    prune(keep) {
      const entries = record()
      const kept = new Set(entries.slice(-keep).flatMap((one) => one.files))
      const gone = new Set(entries.flatMap((one) => one.files).filter((path) => !kept.has(path)))
      for (const path of gone) rmSync(at(path), { force: true })
      for (const path of [...gone].map((one) => dirname(at(one))).reverse())
        if (existsSync(path) && readdirSync(path).length === 0) rmSync(path, { recursive: true })
      save(entries.slice(-keep))
      return gone.size
    },
  }
}
