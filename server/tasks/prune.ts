/** Files of versions that are approved no more go, a month after that was first seen: until then a device may be fetching one. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { DAY_MS } from '../../shared/clock.ts'
import { sha256Schema } from '../../shared/task.ts'
import { readManifest } from '../../shared/tasks/manifest.ts'
import { replaceFile } from '../cloud/files.ts'
import { readArtifact } from '../cloud/release.ts'
import type { Signed } from './delivery.ts'

const KEPT_MS = 30 * DAY_MS
/** By file: when it was first seen that nothing names it, ms. */
const unnamedSchema = z.record(sha256Schema, z.int())

/**
 * Removes from `folder` the artifacts that are due; tells how many. Where a manifest that is approved cannot be read, nobody knows what it
 * names, and nothing is removed. What the repository has can be put there again by approving it.
 */
export async function pruneArtifacts(
  folder: string,
  signed: Signed | undefined,
  now: number,
): Promise<number> {
  const named = signed && (await namedBy(folder, signed))
  const artifacts = join(folder, 'artifacts')
  if (!named || !existsSync(artifacts)) return 0
  const note = join(folder, 'unnamed.json')
  const before = readNote(note)
  const unnamed: Record<string, number> = {}
  let removed = 0
  for (const file of readdirSync(artifacts)) {
    const name = file.replace(/\.gz$/, '')
    if (named.has(name) || !sha256Schema.safeParse(name).success) continue
    const since = before[name] ?? now
    const path = join(artifacts, file)
    // What was written a moment ago is about to be approved.
    if (now - Math.max(since, statSync(path).mtimeMs) < KEPT_MS) {
      unnamed[name] = since
      continue
    }
    rmSync(path, { force: true })
    if (file === name) removed++
  }
  replaceFile(note, (beside) => writeFileSync(beside, JSON.stringify(unnamed)))
  return removed
}

/** What the newest targets lead to, themselves included. */
async function namedBy(folder: string, { bytes, document }: Signed): Promise<Set<string> | undefined> {
  const named = new Set([createHash('sha256').update(bytes).digest('hex')])
  for (const { manifest } of document.tasks) {
    const found = await readArtifact(folder, manifest.sha256)
    if (!found) return undefined
    const { script, model } = readManifest(found.bytes)
    for (const file of [manifest, script, model]) if (file) named.add(file.sha256)
  }
  return named
}

/** Without a note that can be read, it is as if all of it were seen for the first time. */
function readNote(path: string): Record<string, number> {
  try {
    return unnamedSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return {}
  }
}
