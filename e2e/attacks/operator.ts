/** An operator of the server under attack, by its routes; and where its keys lie. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { start } from '../browsers/program.ts'
import { shared } from '../host.ts'
import { type Server, startServer } from '../server.ts'

const CREDENTIAL = 'c'.repeat(40)
const by = { who: 'Ada', why: 'to see what happens' }

export interface Operator {
  readonly server: Server
  /** Makes the next version of the task `hostile`; `approve` and `release` are apart. */
  submit(script: string, changes?: { models?: object; file?: Buffer }): Promise<{ version: number }>
  approve(version: number): Promise<void>
  /** To everybody; gives the number of the release. */
  release(version: number): Promise<number>
  revoke(release: number): Promise<void>
  /** A new key in the place of the one of a role, which is stolen. */
  rotate(role: 'snapshot'): Promise<void>
  /** What a refused request says. */
  refused(path: string, body: object): Promise<string>
  done(): Promise<void>
}

export const NAME = 'hostile'

export const draft = {
  name: NAME,
  description: 'Wants out.',
  context: 1,
  hyper: {},
  triggers: [{ on: 'call', name: 'probe' }],
  eligibility: { minBattery: 0, charging: false, onDataSaver: true, whileHidden: 'always' },
  // Long, for what is refused is to be refused at once, also where the machine stalls.
  budget: { ms: 10_000, runsPerDay: 1000, duty: 1, modelBytes: 1000, logBytes: 2000 },
  samples: ['matched'],
  models: { reads: ['own'], writes: ['own'] },
}

export async function openOperator(): Promise<Operator> {
  const folder = await mkdtemp(join(tmpdir(), 'kindred-e2e-operator-'))
  const file = join(folder, 'credential')
  await writeFile(file, CREDENTIAL, { mode: 0o600 })
  const { data } = await shared('prepared')
  const server = await startServer({ like: data, from: ['--admin-credential-file', file], say: () => {} })

  async function ask(path: string, body: object): Promise<Response> {
    return fetch(`${server.url}/api/admin${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${CREDENTIAL}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...by, ...body }),
    })
  }
  async function made<T>(path: string, body: object): Promise<T> {
    const answer = await ask(path, body)
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`)
    return answer.json() as Promise<T>
  }
  const changed = (order: object) => made<{ n: number }>('/releases', { order })

  return {
    server,
    submit: (script, { file, ...changes } = {}) =>
      made('/tasks', {
        draft: { ...draft, ...changes },
        script,
        ...(file && { model: file.toString('base64') }),
      }),
    async approve(version) {
      await made(`/tasks/${NAME}/${version}`, { action: 'approve' })
    },
    release: async (version) =>
      (
        await changed({
          type: 'release',
          task: NAME,
          version,
          rule: { everyone: true },
          stages: [{ percent: 100 }],
        })
      ).n,
    async revoke(release) {
      await changed({ type: 'revoke', release })
    },
    async rotate(role) {
      const { child, ended } = start(
        process.execPath,
        ['server/bin.js', 'task', 'rotate-key', role, '--data', server.data],
        { cwd: resolve(import.meta.dirname, '../..') },
      )
      await ended
      if (child.exitCode !== 0) throw new Error(`The key was not rotated: ${child.exitCode}.`)
    },
    async refused(path, body) {
      const answer = await ask(path, body)
      if (answer.ok) throw new Error(`${path} was not refused.`)
      return ((await answer.json()) as { detail: string }).detail
    },
    async done() {
      await server.remove()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export const hostile = readFileSync(join(import.meta.dirname, 'hostile.js'), 'utf8')
