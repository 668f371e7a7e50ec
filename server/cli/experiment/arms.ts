/** `kindred experiment begin|end|measure`: arms of a task on real devices. */
import { randomUUID } from 'node:crypto'
import { type Command, InvalidArgumentError } from 'commander'
import { type Estimate, type Figures, measuredSchema } from '../../../shared/admin.ts'
import { wholeNumber } from '../common.ts'
import { type OperatorOptions, withOperator, withOperatorOptions } from '../operator.ts'
import { give, momentOf, type OrderOptions, ruleOf, withDryRun } from '../release.ts'

const number = wholeNumber(1)

interface Arm {
  readonly name: string
  readonly task: { readonly version: number } | null
  readonly percent: number
}

/** `v7=7:45`: version 7 for 45 %; `control:45`: what they would have anyway. */
function armOf(text: string, before: readonly Arm[] = []): Arm[] {
  const [, name, version, percent] = /^([a-z][a-z0-9-]*)(?:=(\d+))?:(\d+(?:\.\d+)?)$/.exec(text) ?? []
  if (!name || !percent) throw new InvalidArgumentError('An arm is name=version:percent, or name:percent.')
  return [
    ...before,
    { name, task: version === undefined ? null : { version: Number(version) }, percent: Number(percent) },
  ]
}

interface BeginOptions extends OrderOptions {
  arm: Arm[]
  rule: string
  holdout: string
  seed?: string
  from?: string
  until?: string
}

const rounded = (value: number): string => String(Number(value.toPrecision(4)))
const said = ({ value, ci95 }: Estimate, unit = ''): string =>
  value === null ? '–' : `${rounded(value)}${unit}${ci95 ? ` [${ci95.map(rounded).join(', ')}]` : ''}`

export function armsCommands(experiment: Command): void {
  withDryRun(
    experiment
      .command('begin')
      .description('versions of a task against each other, on devices')
      .argument('<task>')
      .requiredOption(
        '--arm <name=version:percent>',
        'once for each; without a version: what they would have anyway',
        armOf,
      )
      .option('--rule <json>', 'which devices take part, as JSON or @file', '{"everyone":true}')
      .option('--holdout <percent>', 'in no arm, to compare with', '10')
      .option('--seed <text>', 'what places devices in arms; another experiment’s places them anew')
      .option('--from <moment>', 'now if left out')
      .option('--until <moment>', 'when it ends by itself'),
  ).action((task: string, options: BeginOptions) =>
    withOperator(options, (ask, tell) => {
      const { arm, rule, holdout, seed, from, until } = options
      const order = {
        type: 'experiment',
        task,
        rule: ruleOf(rule),
        seed: seed ?? `${task} ${randomUUID()}`,
        arms: arm,
        holdout: Number(holdout),
        ...(from !== undefined && { from: momentOf(from) }),
        ...(until !== undefined && { until: momentOf(until) }),
      } as const
      return give(ask, tell, order, options)
    }),
  )

  withDryRun(
    experiment.command('end').description('end it now').argument('<experiment>', 'its number', number),
  ).action((id: number, options: OrderOptions) =>
    withOperator(options, (ask, tell) => give(ask, tell, { type: 'end', experiment: id }, options)),
  )

  withOperatorOptions(
    experiment
      .command('measure')
      .description('clk PV/exp PV, clk PV/exp UV and clk UV/exp UV of each arm, with 95 % intervals')
      .argument('<experiment>', 'its number', number),
  ).action((id: number, options: OperatorOptions) =>
    withOperator(options, async (ask, tell) => {
      const found = await ask(measuredSchema, `/experiments/${id}`)
      const lineOf = (arm: string, of: Figures) =>
        `${arm}: ${of.users} users, CTR ${said(of.ctr)}, clicks a user ${said(of.clicksPerUser)}, who click ${said(of.clickerShare)}`
      for (const { day, arms } of found.days)
        for (const [arm, of] of Object.entries(arms))
          tell({ day, arm, ...of }, `day ${day}  ${lineOf(arm, of)}`)
      for (const [arm, of] of Object.entries(found.total)) tell({ arm, ...of }, `in all  ${lineOf(arm, of)}`)
      for (const [arm, of] of Object.entries(found.against)) {
        const parts = Object.entries(of).map(([metric, { percent }]) => `${metric} ${said(percent, ' %')}`)
        tell({ arm, against: found.baseline, ...of }, `${arm} against ${found.baseline}: ${parts.join(', ')}`)
      }
      if (found.mixed > 0)
        tell({ mixed: found.mixed }, `${found.mixed} users have devices in two arms and count in none.`)
    }),
  )
}
