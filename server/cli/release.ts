/** `kindred release …`: which devices get which version of a task. */
import type { Command } from 'commander'
import * as z from 'zod'
import { reachSchema, shownBoardSchema, trialSchema } from '../../shared/admin.ts'
import { AppError } from '../../shared/failure.ts'
import type { Order } from '../../shared/release/changes.ts'
import { wholeNumber } from './common.ts'
import { jsonIn } from './files.ts'
import {
  type Ask,
  byOf,
  type ChangeOptions,
  type OperatorOptions,
  type Tell,
  withChangeOptions,
  withOperator,
  withOperatorOptions,
} from './operator.ts'

const number = wholeNumber(1)
const entrySchema = z.looseObject({
  n: z.int(),
  at: z.int(),
  who: z.string(),
  why: z.string(),
  change: z.looseObject({ type: z.string() }),
})

export interface OrderOptions extends ChangeOptions {
  dryRun: boolean
}
export const withDryRun = (command: Command): Command =>
  withChangeOptions(command).option('--dry-run', 'only tell which of the known devices it would reach', false)

const grouped = (value: number): string => value.toLocaleString('en-GB')
const versionOf = (version: number | null): string => (version === null ? 'nothing' : `v${version}`)

/** Gives the order, or tries it. */
export async function give(ask: Ask, tell: Tell, order: Order, options: OrderOptions): Promise<void> {
  if (!options.dryRun) {
    const entry = await ask(entrySchema, '/releases', { order, ...byOf(options) })
    return tell(entry, `${entry.n}  ${order.type}: done.`)
  }
  const { devices, reaches, moves, arms, ...more } = await ask(trialSchema, '/releases/dry-run', { order })
  tell(
    { devices, reaches, moves, arms, ...more },
    `It would reach ${grouped(reaches)} of ${grouped(devices)}.`,
    ...moves.map(
      (one) => `${one.task}: ${versionOf(one.from)} → ${versionOf(one.to)} on ${grouped(one.devices)}`,
    ),
    ...Object.entries(arms).map(([arm, count]) => `arm ${arm}: ${grouped(count)}`),
  )
}

/** JSON as it is written, or the file of this name after an @. */
export function ruleOf(text: string): never {
  if (text.startsWith('@')) return jsonIn(text.slice(1)) as never
  try {
    return JSON.parse(text) as never
  } catch (cause) {
    throw new AppError('bad-input', 'The rule is not JSON; a file of it is @file.', { cause })
  }
}

/** `20`: from now on; `5@2026-05-01T12:00Z,50@2026-05-02T12:00Z`: each from then on. */
export function stagesOf(text: string): { at?: number; percent: number }[] {
  return text.split(',').map((stage) => {
    const [percent = '', when] = stage.split('@')
    const at = when === undefined ? {} : { at: Date.parse(when) }
    if (percent.trim() === '' || Number.isNaN(Number(percent)) || Number.isNaN(at.at ?? 0))
      throw new AppError('bad-input', `${stage} is no stage: 20, or 5@2026-05-01T12:00Z.`)
    return { ...at, percent: Number(percent) }
  })
}

export const momentOf = (text: string): number => {
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw new AppError('bad-input', `${text} is no moment, as 2026-05-01T12:00Z.`)
  return at
}

const ON_RELEASE = {
  pause: 'stop it where it is: who has it keeps it, nobody else gets it',
  resume: 'let it go on; what was still to come comes as much later',
  revoke: 'end it for good: devices go back to what they would have without it',
} as const
const ON_TASK = {
  kill: 'take a task from all devices, whatever is released',
  revive: 'lift that',
} as const

export function releaseCommand(program: Command): void {
  const release = program
    .command('release')
    .description('which devices are to get which version of a task; see docs/tasks.md')

  withDryRun(
    release
      .command('add')
      .description('release an approved version')
      .argument('<task>')
      .argument('<version>', 'its number', number)
      .option('--rule <json>', 'which devices, as JSON or @file', '{"everyone":true}')
      .option('--percent <stages>', 'share of them: 20, or 5@2026-05-01T12:00Z,50@2026-05-02T12:00Z', '100')
      .option('--until <moment>', 'when it ends by itself'),
  ).action(
    (
      task: string,
      version: number,
      options: OrderOptions & { rule: string; percent: string; until?: string },
    ) =>
      withOperator(options, (ask, tell) => {
        const { rule, percent, until } = options
        const ends = until === undefined ? {} : { until: momentOf(until) }
        const order = {
          type: 'release',
          task,
          version,
          rule: ruleOf(rule),
          stages: stagesOf(percent),
          ...ends,
        } as const
        return give(ask, tell, order, options)
      }),
  )

  withDryRun(
    release
      .command('widen')
      .description('plan the stages of a release anew')
      .argument('<release>', 'its number', number)
      .argument('<stages>', 'as for add'),
  ).action((id: number, stages: string, options: OrderOptions) =>
    withOperator(options, (ask, tell) =>
      give(ask, tell, { type: 'stages', release: id, stages: stagesOf(stages) }, options),
    ),
  )

  for (const [type, what] of Object.entries(ON_RELEASE))
    withDryRun(release.command(type).description(what).argument('<release>', 'its number', number)).action(
      (id: number, options: OrderOptions) =>
        withOperator(options, (ask, tell) =>
          give(ask, tell, { type: type as keyof typeof ON_RELEASE, release: id }, options),
        ),
    )

  for (const [type, what] of Object.entries(ON_TASK))
    withDryRun(release.command(type).description(what).argument('<task>')).action(
      (task: string, options: OrderOptions) =>
        withOperator(options, (ask, tell) =>
          give(ask, tell, { type: type as keyof typeof ON_TASK, task }, options),
        ),
    )

  withOperatorOptions(release.command('list').description('how things stand')).action(
    (options: OperatorOptions) =>
      withOperator(options, async (ask, tell) => {
        const { releases, experiments, killed, devices } = await ask(shownBoardSchema, '/releases')
        for (const one of releases) {
          const state =
            one.revoked !== undefined ? 'revoked' : one.paused !== undefined ? 'paused' : 'running'
          tell(
            one,
            `${one.id}  ${one.task} v${one.version}  ${state}  ${one.percent} % of ${JSON.stringify(one.rule)}`,
          )
        }
        for (const one of experiments) {
          const arms = one.arms.map(
            ({ name, from, to }) => `${name} ${Math.round((to - from) * 100) / 100} %`,
          )
          tell(
            one,
            `${one.id}  experiment on ${one.task}  ${one.ended === undefined ? '' : 'ended  '}${arms.join(', ')}`,
          )
        }
        for (const task of killed) tell({ killed: task }, `${task} is killed.`)
        tell({ devices }, `${grouped(devices)} known devices`)
      }),
  )

  withOperatorOptions(
    release
      .command('reach')
      .description('which known devices the releases reach now, and which versions devices have'),
  ).action((options: OperatorOptions) =>
    withOperator(options, async (ask, tell) => {
      const { devices, releases, given } = await ask(reachSchema, '/releases/reach')
      for (const one of releases)
        tell(one, `release ${one.release}  ${grouped(one.reaches)} of ${grouped(one.hit)} that its rule hits`)
      for (const one of given)
        tell(one, `${one.task}  ${versionOf(one.version)} on ${grouped(one.devices)} of ${grouped(devices)}`)
    }),
  )

  withOperatorOptions(
    release
      .command('audit')
      .description('who changed what, when and why')
      .argument('[from]', 'number of the first entry', number, 1),
  ).action((from: number, options: OperatorOptions) =>
    withOperator(options, async (ask, tell) => {
      const schema = z.looseObject({ entries: z.array(entrySchema) })
      for (let next = from; ; ) {
        const { entries } = await ask(schema, `/ledger/${next}`)
        for (const one of entries) {
          const { type, ...rest } = one.change
          tell(
            one,
            `${one.n}  ${new Date(one.at).toISOString()}  ${one.who}: ${one.why}  ${type} ${JSON.stringify(rest)}`,
          )
        }
        if (entries.length === 0) return
        next = entries.at(-1)!.n + 1
      }
    }),
  )
}
