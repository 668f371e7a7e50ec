import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { readManifest } from '../../shared/tasks/manifest.ts'
import { type Steps, steps } from './durable.ts'
import { openRepository, type Repository } from './repository.ts'

const NOON = Date.UTC(2026, 4, 1, 12)
const CHILD = join(import.meta.dirname, 'repository.child.ts')
const ada = { who: 'Ada', why: 'to see it work' }
const script = (n: number) => ({ script: text(`export const run = () => ${n}`) })
const hasGit = spawnSync('git', ['--version']).status === 0

let folder: string
let repository: Repository
let now: number
const clock = { now: () => now }
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kindred-tasks-'))
  now = NOON
  repository = await openRepository(folder, { clock })
})
afterEach(async () => {
  await repository.close()
  rmSync(folder, { recursive: true })
})

const git = (...args: string[]) =>
  execFileSync('git', ['--git-dir', join(folder, 'history.git'), ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
  })
/** Git's own opinion; throws where it finds anything wrong. */
const fsck = () => expect(git('fsck', '--strict', '--full', '--no-dangling')).toBe('')
async function reopen(): Promise<void> {
  await repository.close()
  repository = await openRepository(folder, { clock })
}

describe('a repository of tasks', () => {
  it('gives versions that grow, each task by itself, and gives them back', async () => {
    await repository.submit(draft(), script(1), ada)
    now += 5000
    await repository.submit(draft({ name: 'filter' }), script(2), { who: 'Grace', why: 'another' })
    await repository.submit(draft(), script(3), ada)
    await reopen()
    expect((await repository.log()).map(({ name, version }) => `${name} v${version}`)).toEqual([
      'rank v2',
      'filter v1',
      'rank v1',
    ])
    expect(await repository.log('filter')).toMatchObject([{ who: 'Grace', why: 'another', at: NOON + 5000 }])
    const { manifest, files } = await repository.read('rank', 1)
    expect(manifest.version).toBe(1)
    expect(files).toEqual(script(1))
    await expect(repository.read('rank', 3)).rejects.toThrow('There is no rank v3.')
  })

  it('keeps an initial model byte for byte', async () => {
    const model = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251)
    const named = draft({ models: { reads: [], writes: ['ranking'], initial: 'ranking' } })
    await repository.submit(named, { ...script(1), model }, ada)
    await reopen()
    const { files } = await repository.read('rank', 1)
    expect(Buffer.compare(files.model!, model)).toBe(0)
  })

  it('refuses what is there already, and what does not fit, and then nothing has happened', async () => {
    await repository.submit(draft(), script(1), ada)
    await expect(repository.submit(draft(), script(1), ada)).rejects.toThrow(
      'That is what rank v1 is already.',
    )
    await expect(repository.submit(draft({ name: '..' }), script(2), ada)).rejects.toMatchObject({
      code: 'bad-input',
    })
    const large = { script: new Uint8Array((256 << 10) + 1) }
    await expect(repository.submit(draft(), large, ada)).rejects.toThrow(/script\.js has/)
    for (const who of ['', 'a\nb', 'Eve <root>', 'a\u0000b', '\u202eadA', 'x'.repeat(81)])
      await expect(repository.submit(draft(), script(2), { who, why: 'x' })).rejects.toThrow(
        /The reason at who/,
      )
    await expect(repository.submit(draft(), script(2), { who: 'Ada', why: 'a\nb' })).rejects.toThrow(/at why/)
    expect(await repository.log()).toHaveLength(1)
  })

  it('restores an earlier version as the next one', async () => {
    await repository.submit(draft(), script(1), ada)
    await repository.submit(draft(), script(2), ada)
    await repository.restore('rank', 1, { who: 'Grace', why: 'v2 is worse' })
    expect((await repository.log())[0]).toMatchObject({ version: 3, restores: 1, who: 'Grace' })
    const [one, three] = [await repository.read('rank', 1), await repository.read('rank', 3)]
    expect(three.files).toEqual(one.files)
    expect(three.manifest).toEqual({ ...one.manifest, version: 3 })
    await expect(repository.restore('rank', 9, ada)).rejects.toThrow('There is no rank v9.')
  })

  it('takes writers one after the other: ten at once are ten versions', async () => {
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, n) => repository.submit(draft(), script(n), ada)),
    )
    expect(all.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(await repository.log()).toHaveLength(10)
    for (const [n, { version }] of all.entries())
      expect((await repository.read('rank', version)).files).toEqual(script(n))
  })

  it('is open once at a time', async () => {
    await expect(openRepository(folder)).rejects.toMatchObject({ code: 'storage' })
  })

  it('says so when a file in it is damaged, and the other versions are as they were', async () => {
    const { commit } = await repository.submit(draft(), script(1), ada)
    await repository.submit(draft({ name: 'filter' }), script(2), ada)
    const blob = git('rev-parse', `${commit}:rank/script.js`).trim()
    const path = join(folder, 'history.git', 'objects', blob.slice(0, 2), blob.slice(2))
    writeFileSync(path, readFileSync(path).subarray(0, 10))
    await reopen()
    await expect(repository.read('rank', 1)).rejects.toMatchObject({ code: 'bad-artifact' })
    expect((await repository.read('filter', 1)).files).toEqual(script(2))
  })

  it('holds whatever sequence of submissions and restorations there was', async () => {
    const names = ['rank', 'filter', 'train'] as const
    const action = fc.oneof(
      fc.record({ name: fc.constantFrom(...names), script: fc.nat(3) }),
      fc.record({ name: fc.constantFrom(...names), restore: fc.nat(4) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 8 }), async (actions) => {
        const fresh = mkdtempSync(join(tmpdir(), 'kindred-tasks-'))
        const tried = await openRepository(fresh, { clock, steps: quick })
        const due = new Map<string, number[]>(names.map((name) => [name, []]))
        for (const one of actions) {
          const versions = due.get(one.name)!
          if ('script' in one) {
            const done = tried.submit(draft({ name: one.name }), script(one.script), ada)
            if (versions.at(-1) === one.script) await expect(done).rejects.toThrow('already')
            else await done.then(() => versions.push(one.script))
          } else {
            const done = tried.restore(one.name, one.restore, ada)
            const content = versions[one.restore - 1]
            if (content === undefined) await expect(done).rejects.toThrow('There is no')
            else await done.then(() => versions.push(content))
          }
        }
        for (const [name, versions] of due)
          for (const [i, content] of versions.entries())
            expect((await tried.read(name, i + 1)).files).toEqual(script(content))
        await tried.close()
        rmSync(fresh, { recursive: true })
      }),
      { seed: 8, numRuns: 8 },
    )
  })
})

/** As the real ones, but nothing waits for the disk. */
const quick: Steps = {
  fill: async (path, bytes) => writeFileSync(path, bytes),
  name: steps.name,
}

describe.runIf(hasGit)('Git itself', () => {
  it('finds nothing wrong, and clones it', async () => {
    fsck()
    await repository.submit(draft(), script(1), ada)
    await repository.submit(draft({ name: 'rank-2' }), script(2), ada)
    await repository.submit(draft(), script(3), ada)
    await repository.restore('rank', 1, ada)
    fsck()
    expect(git('log', '--format=%an %s', 'main').trim().split('\n')).toEqual([
      'Ada rank v3 restores v1',
      'Ada rank v2',
      'Ada rank-2 v1',
      'Ada rank v1',
    ])
    const clone = join(folder, 'clone')
    execFileSync('git', ['clone', '-q', join(folder, 'history.git'), clone])
    expect(new Uint8Array(readFileSync(join(clone, 'rank', 'script.js')))).toEqual(script(1).script)
    expect(readManifest(readFileSync(join(clone, 'rank', 'task.json'))).version).toBe(3)
    expect(existsSync(join(clone, 'rank', 'model.safetensors'))).toBe(false)
  })

  it('may pack it: versions are found as before', async () => {
    await repository.submit(draft(), script(1), ada)
    git('gc', '-q')
    await reopen()
    await repository.submit(draft(), script(2), ada)
    expect((await repository.read('rank', 1)).files).toEqual(script(1))
    fsck()
  })

  it('accepts what is left when the disk fails at any step, and the next submission works', async () => {
    await repository.submit(draft(), script(0), ada)
    await repository.close()
    let failed = true
    for (let last = 0; failed; last++) {
      let left = last
      const fail = () => Promise.reject(new Error('the disk is gone'))
      const broken: Steps = {
        fill(path, bytes) {
          if (left-- > 0) return quick.fill(path, bytes)
          writeFileSync(path, bytes.subarray(0, bytes.length / 2))
          return fail()
        },
        name: (from, to) => (left-- > 0 ? quick.name(from, to) : fail()),
      }
      const before = await openRepository(folder, { clock, steps: broken })
      failed = await before.submit(draft(), script(1 + last), ada).then(
        () => false,
        () => true,
      )
      const { length } = await before.log()
      await before.close()
      fsck()
      expect(length).toBe(failed ? 1 + last : 2 + last)
      if (!failed) continue
      const after = await openRepository(folder, { clock })
      expect(await after.submit(draft(), script(1 + last), ada)).toMatchObject({ version: 2 + last })
      await after.close()
    }
    fsck()
    repository = await openRepository(folder, { clock })
    expect(await repository.log()).toHaveLength(14)
  })

  it('accepts what is left when the process is killed, and what was acknowledged is there', async () => {
    await repository.close()
    let acknowledged = 0
    for (const last of [0, 7, 30]) {
      const { signal, stdout } = spawnSync(process.execPath, ['--import', 'tsx', CHILD, folder, `${last}`], {
        encoding: 'utf8',
      })
      expect(signal).toBe('SIGKILL')
      acknowledged = Math.max(acknowledged, ...stdout.trim().split('\n').map(Number))
      fsck()
      repository = await openRepository(folder, { clock })
      expect(await repository.log()).toHaveLength(acknowledged)
      acknowledged = (await repository.submit(draft(), script(100 + last), ada)).version
      fsck()
      await repository.close()
    }
    // One each by this process, the others by those that were killed.
    expect(acknowledged).toBeGreaterThan(3)
    repository = await openRepository(folder, { clock })
  })
})
