import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const bin = resolve(import.meta.dirname, '../bin.js')
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kindred-cli-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs `kindred` to its end, with a data folder of its own unless told otherwise. */
function kindred(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, KINDRED_DATA: join(folder, 'data') }
  return new Promise((done) => {
    const child = execFile(process.execPath, [bin, ...args], { env }, (_, stdout, stderr) =>
      done({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '')

describe('kindred', () => {
  it.each(['start', 'serve', 'import', 'prepare', 'train', 'simulate'])(
    '%s explains itself',
    async (command) => {
      const { code, stdout } = await kindred(command, '--help')
      expect(code).toBe(0)
      expect(stdout).toMatch(new RegExp(`^Usage: kindred ${command} `))
      expect(stdout).toContain('--json')
      expect(stdout).toContain('--data')
    },
  )

  it.each([
    [
      'a source that does not exist',
      ['import', 'films'],
      /no source films.*demo, globo, jsonl, movielens, sequences/,
    ],
    ['a folder without the files', ['import', 'movielens', '/nowhere'], /\/nowhere/],
    ['a folder with no data yet', ['prepare'], /import/i],
    ['a port that is none', ['serve', '--port', '99999'], /whole number from 0 to 65535/],
    [
      'a server that does not answer',
      ['simulate', '--devices', '1', '--server', 'http://127.0.0.1:9'],
      /server/i,
    ],
  ])('says in one sentence what is wrong with %s, and ends with status 1', async (_, args, sentence) => {
    const { code, stdout, stderr } = await kindred(...args)
    expect(code).toBe(1)
    expect(stdout).toBe('')
    const said = lines(stderr).filter((line) => !line.startsWith('('))
    expect(said).toHaveLength(1)
    expect(said[0]).toMatch(sentence)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  it('imports nothing of a log with one bad line, and names file, line and reason', async () => {
    const log = join(folder, 'log')
    mkdirSync(log)
    writeFileSync(
      join(log, 'catalogue.json'),
      JSON.stringify({
        name: 'x',
        noun: 'thing',
        categories: ['a'],
        items: [{ key: 'k', title: 'K', categories: [0] }],
      }),
    )
    const good =
      '{"user":"u","type":"exposure","id":"01890000-0000-7000-8000-000000000001","at":1690000000000,"item":"k"}'
    writeFileSync(join(log, 'events.jsonl'), `${good}\n{"user":"u","type":"jump"}\n`)
    const failed = await kindred('import', 'jsonl', log)
    expect(failed.code).toBe(1)
    expect(failed.stderr).toMatch(/events\.jsonl:2: /)

    writeFileSync(join(log, 'events.jsonl'), `${good}\n`)
    const { code, stdout } = await kindred('import', 'jsonl', log, '--json')
    expect(code).toBe(0)
    // The user and the event of the good line are counted now: the failed import left neither behind.
    expect(JSON.parse(stdout)).toMatchObject({ metric: 'import.events', value: 1, detail: { users: 1 } })
  })

  it('with --json prints one object a line on standard output and nothing else', async () => {
    const data = join(folder, 'demo')
    for (const args of [
      ['import', 'demo'],
      ['prepare'],
      ['train', '--epochs', '1', '--max-samples', '2000'],
      ['simulate', '--devices', '2'],
    ]) {
      const { code, stdout } = await kindred(...args, '--json', '--data', data)
      expect(code).toBe(0)
      expect(lines(stdout)).not.toHaveLength(0)
      for (const line of lines(stdout))
        expect(JSON.parse(line)).toMatchObject({ metric: expect.any(String), unit: expect.any(String) })
    }
  }, 180_000)
})
