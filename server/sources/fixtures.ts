/** For the tests of sources: folders written by the test itself, and a source read to its end. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import type { KindredEvent } from '../../shared/event.ts'
import { AppError } from '../../shared/failure.ts'
import type { Source } from './source.ts'

/** A folder with these files, gone after the test; those named .gz are compressed, strings are written as UTF-8. */
export async function folderOf(files: Record<string, string | Buffer>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kindred-source-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) {
    const bytes = Buffer.from(content as string)
    await writeFile(join(folder, name), name.endsWith('.gz') ? gzipSync(bytes) : bytes)
  }
  return folder
}

/** Every user's events, chunks joined. */
export async function eventsOf(source: Source): Promise<Map<string, KindredEvent[]>> {
  const all = new Map<string, KindredEvent[]>()
  for await (const { user, events } of source.users()) all.set(user, [...(all.get(user) ?? []), ...events])
  return all
}

/** The message of the `bad-input` that `work` ends in. */
export async function complaintOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof AppError && error.code === 'bad-input') return error.message
    throw error
  }
  throw new Error('nothing was complained of')
}

/** The first line of Globo.com's click log. */
export const GLOBO_HEADER =
  'user_id,session_id,session_start,session_size,click_article_id,click_timestamp,click_environment,click_deviceGroup,click_os,click_country,click_region,click_referrer_type'

type Field = string | number
/** One click in it; what Kindred does not read is filled in. */
export const globoLine = (
  user: Field,
  session: Field,
  start: Field,
  article: Field,
  at: Field,
  device: Field,
): string => `${user},${session},${start},2,${article},${at},4,${device},20,1,20,2`
