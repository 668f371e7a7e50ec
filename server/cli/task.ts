/** `kindred task …`: versions of tasks, and which of them may be released. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import * as z from 'zod'
import { AppError } from '../../shared/failure.ts'
import { TASK_LIMITS } from '../../shared/tasks/manifest.ts'
import { RENEW_MS, untilSaid } from '../tasks/approvals.ts'
import { scriptIn } from '../tasks/bundle.ts'
import { rotate } from '../tasks/keys.ts'
import { wholeNumber, withReport } from './common.ts'
import { jsonIn } from './files.ts'
import {
  byOf,
  type ChangeOptions,
  type OperatorOptions,
  withChangeOptions,
  withOperator,
  withOperatorOptions,
} from './operator.ts'
import { optionFor } from './settings.ts'
import { taskRunCommand } from './task-run/command.ts'

const versionSchema = z.looseObject({
  name: z.string(),
  version: z.int(),
  at: z.int(),
  who: z.string(),
  why: z.string(),
  approved: z.boolean(),
  restores: z.int().optional(),
})
type Version = z.infer<typeof versionSchema>

const lineOf = ({ name, version, at, who, why, approved, restores }: Version): string =>
  [
    `${name} v${version}`,
    new Date(at).toISOString().slice(0, 16).replace('T', ' '),
    approved ? 'approved' : 'not approved',
    `${who}: ${why}${restores === undefined ? '' : ` (as v${restores})`}`,
  ].join('  ')

/** The folder of a task: `task.json`, `script.js` or `script.ts`, and `model.safetensors` if there is one. */
async function taskIn(folder: string) {
  const model = join(folder, 'model.safetensors')
  const bytes = existsSync(model) ? readFileSync(model) : undefined
  if (bytes && bytes.length > TASK_LIMITS.model)
    throw new AppError('bad-input', `${model} has ${bytes.length} bytes, of at most ${TASK_LIMITS.model}.`)
  return {
    draft: jsonIn(join(folder, 'task.json')),
    script: await scriptIn(folder),
    ...(bytes && { model: bytes.toString('base64') }),
  }
}

const ACTIONS = {
  restore: 'make the next version of an earlier one',
  approve: 'say that a version may be released: it is signed, and put where devices can fetch it',
  withdraw: 'say that a version may be released no more',
} as const

const versionsSchema = z.looseObject({
  versions: z.array(versionSchema),
  approvedUntil: z.int().nullable(),
})

export function taskCommand(program: Command): void {
  const task = program
    .command('task')
    .description('versions of tasks, and which may be released; see docs/tasks.md')
  taskRunCommand(task)

  withChangeOptions(
    task
      .command('submit')
      .description('the next version of a task')
      .argument('<folder>', 'task.json, script.js or script.ts, model.safetensors'),
  ).action((folder: string, options: ChangeOptions) =>
    withOperator(options, async (ask, tell) => {
      const made = await ask(versionSchema, '/tasks', { ...(await taskIn(folder)), ...byOf(options) })
      tell(made, lineOf(made))
    }),
  )

  withOperatorOptions(
    task.command('log').description('versions, the newest first').argument('[task]', 'of this task alone'),
  ).action((name: string | undefined, options: OperatorOptions) =>
    withOperator(options, async (ask, tell) => {
      const { versions, approvedUntil } = await ask(versionsSchema, '/tasks')
      for (const one of versions) if (name === undefined || one.name === name) tell(one, lineOf(one))
      if (approvedUntil !== null && approvedUntil - Date.now() < RENEW_MS)
        tell({ approvedUntil }, `${untilSaid(approvedUntil)}: approve once more where the approver’s key is.`)
    }),
  )

  const diffSchema = z.strictObject({
    manifest: z.array(
      z.looseObject({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() }),
    ),
    script: z.array(z.strictObject({ change: z.enum(['same', 'added', 'removed']), text: z.string() })),
    model: z.string(),
  })
  const SIGNS = { same: ' ', added: '+', removed: '-' } as const
  const number = wholeNumber(1)
  withOperatorOptions(
    task
      .command('diff')
      .description('what changed between two versions')
      .argument('<task>')
      .argument('<from>', 'version', number)
      .argument('<to>', 'version', number),
  ).action((name: string, from: number, to: number, options: OperatorOptions) =>
    withOperator(options, async (ask, tell) => {
      const found = await ask(diffSchema, `/tasks/${encodeURIComponent(name)}/${to}/from/${from}`)
      const values = found.manifest.map(
        ({ path, before, after }) =>
          `${path}: ${JSON.stringify(before) ?? 'none'} → ${JSON.stringify(after) ?? 'none'}`,
      )
      const lines = found.script.map(({ change, text }) => `${SIGNS[change]} ${text}`)
      tell(found, ...values, ...lines, `The model: ${found.model}`)
    }),
  )

  for (const [action, what] of Object.entries(ACTIONS))
    withChangeOptions(
      task.command(action).description(what).argument('<task>').argument('<version>', 'its number', number),
    ).action((name: string, version: number, options: ChangeOptions) =>
      withOperator(options, async (ask, tell) => {
        const path = `/tasks/${encodeURIComponent(name)}/${version}`
        const made = await ask(versionSchema, path, { action, ...byOf(options) })
        tell(made, lineOf(made))
      }),
    )

  task
    .command('rotate-key')
    .description(
      'a new key in the place of one, by a new root; the keys of the root must be in tasks/keys/offline',
    )
    .argument(
      '<which>',
      'root, targets (the approver’s), snapshot (the server’s), or none: the root counts for another year',
    )
    .argument('[n]', 'which key of the root', number, 1)
    .addOption(optionFor('data'))
    .action((which: string, n: number, { data }: { data: string }) =>
      withReport({ json: false }, async (report) => {
        const role = z.enum(['root', 'targets', 'snapshot', 'none']).safeParse(which)
        if (!role.success)
          throw new AppError('bad-input', `There is no key ${which}: root, targets, snapshot, none.`)
        const { root } = await rotate(
          join(data, 'tasks', 'keys'),
          role.data === 'none' ? null : role.data,
          undefined,
          n,
        )
        report.say(
          `The root is version ${root.version} now, until ${new Date(root.expires).toISOString().slice(0, 10)}.`,
        )
        if (role.data === 'targets')
          report.say('What was approved counts once it is approved with the new key.')
      }),
    )
}
