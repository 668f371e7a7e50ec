/** Where figures come from: all that somebody needs to get them again. */
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string }

export interface Provenance {
  /** As it was typed. */
  readonly command: string
  /** Of this code; with “+ changes” where files differed from it, null where there is no repository. */
  readonly commit: string | null
  /** ISO 8601, UTC. */
  readonly finished: string
  readonly machine: Readonly<Record<string, string>>
  readonly versions: Readonly<Record<string, string>>
  readonly data: string
  /** What was measured on whom, a sentence or two. */
  readonly who: string
  readonly seeds: readonly number[]
  /** Wall time of all that was done for it, runs that were cut off included; null where they did not note it. */
  readonly minutes: number | null
}

export function provenance(
  told: Pick<Provenance, 'data' | 'who' | 'seeds' | 'minutes'>,
  command: readonly string[] = ['kindred', ...process.argv.slice(2)],
): Provenance {
  const all = cpus()
  const [load] = loadavg()
  return {
    ...told,
    command: command.map(quoted).join(' '),
    commit: commit(),
    finished: new Date().toISOString(),
    machine: {
      processor: all[0]?.model.trim() ?? 'unknown',
      cores: String(all.length),
      memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
      system: `${type()} ${release()}`,
      'load average at the end': load!.toFixed(1),
    },
    versions: { kindred: version, node: process.version },
  }
}

/** As a shell takes it. */
const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`

function commit(): string | null {
  const cwd = fileURLToPath(new URL('.', import.meta.url))
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const hash = git('rev-parse', 'HEAD')
    return git('status', '--porcelain', '--untracked-files=no') === '' ? hash : `${hash} + changes`
  } catch {
    return null
  }
}
