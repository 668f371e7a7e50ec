import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { draft } from '../../shared/tasks/fixtures.ts'
import { type ToyCloud, toyCloud } from '../cloud/toy.ts'
import { createApp } from '../http/app.ts'
import { type Listening, listen } from '../http/listen.ts'
import { experimentCommand } from './experiment.ts'
import { releaseCommand, ruleOf, stagesOf } from './release.ts'
import { taskCommand } from './task.ts'

const ADMIN = 'a-credential-of-the-operator-long-enough'
const WHY = ['--who', 'Ada', '--why', 'to see it work']

describe('kindred task, release and experiment', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kindred-cli-task-'))
    write('one', { script: 'export const run = () => {}' })
    write('two', { script: 'export const run = () => {}\n// two', model: 'weights' })
    writeFileSync(join(folder, 'credential'), `${ADMIN}\n`)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  function write(name: string, { script, model }: { script: string; model?: string }): void {
    const at = join(folder, name)
    mkdirSync(at)
    const models = { reads: [], writes: ['ranking'], ...(model && { initial: 'ranking' }) }
    writeFileSync(join(at, 'task.json'), JSON.stringify(draft({ models })))
    writeFileSync(join(at, 'script.js'), script)
    if (model) writeFileSync(join(at, 'model.safetensors'), model)
  }

  let out: string
  let err: string
  beforeEach(() => {
    out = err = ''
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out += text
      return true
    })
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      err += text
      return true
    })
    vi.spyOn(console, 'log').mockImplementation((text) => {
      out += `${text}\n`
    })
  })
  afterEach(() => {
    vi.restoreAllMocks()
    process.exitCode = undefined
  })

  /** Runs one command line; what it says. */
  async function kindred(where: string[], ...args: string[]): Promise<string> {
    out = err = ''
    process.exitCode = undefined
    const program = new Command('kindred').exitOverride()
    for (const add of [taskCommand, releaseCommand, experimentCommand]) add(program)
    await program.parseAsync([...args, ...where], { from: 'user' })
    return err || out
  }

  it.each(['a data folder', 'a running server'])('tell one story on %s', async (place) => {
    const toy: ToyCloud = await toyCloud()
    let server: Listening | undefined
    let where: string[]
    if (place === 'a running server') {
      const deps = { cloud: toy.cloud, log: pino({ level: 'silent' }), adminCredential: ADMIN }
      server = await listen(createApp({ ...deps, tasks: await toy.cloud.tasks() }), {
        port: 0,
        host: '127.0.0.1',
      })
      where = ['--server', server.url, '--admin-credential-file', join(folder, 'credential')]
    } else {
      await toy.cloud.close()
      where = ['--data', toy.dir]
    }
    const say = (...args: string[]) => kindred(where, ...args)

    expect(await say('task', 'submit', join(folder, 'one'), ...WHY)).toMatch(
      /^rank v1 {2}.* {2}not approved {2}Ada: to see/,
    )
    expect(await say('task', 'submit', join(folder, 'two'), ...WHY)).toMatch(/^rank v2/)
    expect(await say('task', 'submit', join(folder, 'two'), ...WHY)).toMatch(
      /kindred: That is what rank v2 is already\./,
    )
    expect(process.exitCode).toBe(1)
    expect(await say('task', 'diff', 'rank', '1', '2')).toMatch(
      /\n {2}export const run .*\n\+ \/\/ two\nThe model: added\n/,
    )
    expect(await say('release', 'add', 'rank', '1', ...WHY)).toMatch(/rank v1 is not approved/)
    for (const version of ['1', '2'])
      expect(await say('task', 'approve', 'rank', version, ...WHY)).toMatch(
        new RegExp(`^rank v${version} .* approved`),
      )
    expect(await say('release', 'add', 'rank', '1', '--dry-run', ...WHY)).toMatch(/^It would reach 0 of 0\./)
    expect(await say('release', 'add', 'rank', '1', ...WHY)).toBe('3  release: done.\n')
    const rule = '{"country":["DE"]}'
    expect(await say('release', 'add', 'rank', '2', '--rule', rule, '--percent', '20', ...WHY)).toBe(
      '4  release: done.\n',
    )
    expect(await say('release', 'widen', '4', '10', ...WHY)).toMatch(/Release 4 has 20 % already/)
    for (const command of [
      ['widen', '4', '50'],
      ['pause', '4'],
      ['revoke', '4'],
      ['kill', 'rank'],
    ])
      expect(await say('release', ...command, ...WHY)).toMatch(/: done\./)
    expect(await say('release', 'list')).toBe(
      [
        '3  rank v1  running  100 % of {"everyone":true}',
        '4  rank v2  revoked  50 % of {"country":["DE"]}',
        'rank is killed.',
        '0 known devices',
        '',
      ].join('\n'),
    )
    // Release 4 is revoked; nobody has asked yet.
    expect(await say('release', 'reach')).toBe('release 3  0 of 0 that its rule hits\n')
    const arms = ['--arm', 'v2=2:45', '--arm', 'control:45']
    expect(await say('experiment', 'begin', 'rank', ...arms, ...WHY)).toBe('9  experiment: done.\n')
    expect(await say('experiment', 'measure', '9')).toContain('in all  holdout: 0 users, CTR –')
    expect(await say('experiment', 'end', '9', ...WHY)).toBe('10  end: done.\n')
    expect(await say('task', 'restore', 'rank', '1', ...WHY)).toMatch(/^rank v3 .*\(as v1\)/)
    const audit = (await say('release', 'audit', '--json'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(audit.map(({ n, who, change }) => `${n} ${who} ${change.type}`)).toEqual(
      [
        'approve',
        'approve',
        'release',
        'release',
        'stages',
        'pause',
        'revoke',
        'kill',
        'experiment',
        'end',
      ].map((type, i) => `${i + 1} Ada ${type}`),
    )
    await server?.close()
    if (server) await toy.done()
    else rmSync(toy.dir, { recursive: true })
  })

  it('rotate a key in a data folder', async () => {
    const toy = await toyCloud()
    await toy.cloud.tasks()
    const key = () => readFileSync(join(toy.dir, 'tasks', 'keys', 'snapshot.json'), 'utf8')
    const before = key()
    expect(await kindred(['--data', toy.dir], 'task', 'rotate-key', 'snapshot')).toMatch(
      /^The root is version 2 now/,
    )
    expect(key()).not.toBe(before)
    expect(await kindred(['--data', toy.dir], 'task', 'rotate-key', 'front-door')).toMatch(
      /There is no key front-door/,
    )
    await toy.done()
  })

  it('say in one sentence what a stage or a rule is that they do not understand', () => {
    expect(stagesOf('20')).toEqual([{ percent: 20 }])
    expect(stagesOf('5@2026-05-01T12:00Z,50@2026-05-02T12:00Z')).toEqual([
      { at: Date.UTC(2026, 4, 1, 12), percent: 5 },
      { at: Date.UTC(2026, 4, 2, 12), percent: 50 },
    ])
    for (const text of ['', 'many', '5@tomorrow', '5,']) expect(() => stagesOf(text)).toThrow(/is no stage/)
    expect(() => ruleOf('{')).toThrow(/The rule is not JSON/)
  })
})
