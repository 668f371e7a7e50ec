/** What an operator's commands share: they ask a running server, or a data folder that none uses, by the same routes. */
import { randomBytes } from 'node:crypto'
import { userInfo } from 'node:os'
import type { Command } from 'commander'
import type * as z from 'zod'
import { problemSchema } from '../../shared/api.ts'
import { AppError, parse } from '../../shared/failure.ts'
import { openCloud } from '../cloud/cloud.ts'
import { createApp } from '../http/app.ts'
import { NO_LIMITS } from '../http/limits.ts'
import { createLog } from '../http/log.ts'
import { withReport } from './common.ts'
import { secretIn } from './files.ts'
import { optionFor } from './settings.ts'

export interface OperatorOptions {
  data: string
  json: boolean
  server?: string
  adminCredentialFile?: string
}
export interface ChangeOptions extends OperatorOptions {
  who: string
  why: string
}

/** Asks a route under /api/admin; with a body by POST. Throws `refused` with what the problem says. */
export type Ask = <T>(schema: z.ZodType<T>, path: string, body?: unknown) => Promise<T>
/** Prints a result: as one JSON object a line, or as lines for people. */
export type Tell = (result: object, ...lines: string[]) => void

export const withOperatorOptions = (command: Command): Command =>
  command
    .addOption(optionFor('data'))
    .option(
      '--server <url>',
      'a running server; without it the data folder is opened, which no server may use then',
    )
    .addOption(optionFor('adminCredentialFile'))
    .option('--json', 'print one JSON object a line on standard output, prose on standard error', false)

/** For what changes something. */
export const withChangeOptions = (command: Command): Command =>
  withOperatorOptions(command)
    .requiredOption('--why <text>', 'the reason, which is kept')
    .option('--who <name>', 'who says so', userInfo().username)

export const byOf = ({ who, why }: ChangeOptions) => ({ who, why })

export function withOperator(
  options: OperatorOptions,
  work: (ask: Ask, tell: Tell) => Promise<void>,
): Promise<void> {
  return withReport(options, async (report) => {
    const tell: Tell = (result, ...lines) => {
      if (options.json) console.log(JSON.stringify(result))
      else for (const line of lines) report.say(line)
    }
    if (options.server !== undefined) return work(askServer(options.server, credentialOf(options)), tell)
    const cloud = await openCloud({ dataDir: options.data })
    try {
      const adminCredential = randomBytes(32).toString('hex')
      const deps = { cloud, adminCredential, limits: NO_LIMITS, log: createLog('silent') }
      const app = createApp({ ...deps, tasks: await cloud.tasks() })
      await work(
        asking((path, init) => app.request(path, init) as Promise<Response>, adminCredential),
        tell,
      )
    } finally {
      await cloud.close()
    }
  })
}

function credentialOf({ adminCredentialFile }: OperatorOptions): string {
  if (adminCredentialFile === undefined)
    throw new AppError('bad-input', 'A server wants the operator’s credential: --admin-credential-file.')
  return secretIn(adminCredentialFile)
}

const askServer = (server: string, credential: string): Ask =>
  asking(async (path, init) => {
    try {
      return await fetch(new URL(path, server), init)
    } catch (cause) {
      throw new AppError('offline', `No Kindred server answers at ${server}.`, { cause })
    }
  }, credential)

function asking(fetched: (path: string, init: RequestInit) => Promise<Response>, credential: string): Ask {
  return async (schema, path, body) => {
    const response = await fetched(`/api/admin${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const value: unknown = await response.json()
    if (response.ok) return parse(schema, value, 'The answer')
    const { detail, title } = problemSchema.parse(value)
    throw new AppError('refused', detail ?? title)
  }
}
