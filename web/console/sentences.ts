/** Rules, releases and changes in words. */
import type { ShownExperiment, ShownRelease } from '../../shared/admin.ts'
import type { Change, Stages } from '../../shared/release/changes.ts'
import type { Rule } from '../../shared/release/rules.ts'
import { moment } from '../phrases.ts'
import { language } from '../strings/index.ts'
import { t } from './words/index.ts'

/** “all devices”, “devices in Germany and on android or ios”. */
export function whom(rule: Rule): string {
  return 'everyone' in rule ? t.rule.all : t.rule.some(clauseOf(rule))
}

/** The same for a share of them. */
export function shareOf(percent: number, rule: Rule): string {
  if (percent === 100) return whom(rule)
  return 'everyone' in rule ? t.rule.shareOfAll(percent) : t.rule.shareOf(percent, clauseOf(rule))
}

/** What is said of devices; several parts within another one stand in brackets. */
function clauseOf(rule: Rule): string {
  if ('everyone' in rule) return t.rule.everyone
  if ('app' in rule) return t.rule.app(rule.app)
  if ('platform' in rule) return t.rule.platform(rule.platform)
  if ('country' in rule) return t.rule.country(rule.country.map((code) => named(code, 'region')))
  if ('language' in rule) return t.rule.language(rule.language.map((tag) => named(tag, 'language')))
  if ('capabilities' in rule) return t.rule.capabilities(rule.capabilities)
  if ('registered' in rule) {
    const { since, before } = rule.registered
    return t.rule.both([
      ...(since === undefined ? [] : [t.rule.since(dayOf(since))]),
      ...(before === undefined ? [] : [t.rule.before(dayOf(before))]),
    ])
  }
  if ('bucket' in rule) return t.rule.bucket(rule.bucket.from, rule.bucket.to, rule.bucket.salt)
  if ('devices' in rule) return t.rule.devices(rule.devices)
  if ('all' in rule) return t.rule.both(rule.all.map(inner))
  if ('any' in rule) return t.rule.either(rule.any.map(inner))
  return t.rule.not(inner(rule.not))
}

function inner(rule: Rule): string {
  const [parts] = Object.values(rule)
  return Array.isArray(parts) && parts.length > 1 && !('devices' in rule)
    ? `(${clauseOf(rule)})`
    : clauseOf(rule)
}

/** A country or a language by its name, where the browser knows it. */
function named(code: string, type: 'region' | 'language'): string {
  try {
    return new Intl.DisplayNames(language(), { type }).of(code) ?? code
  } catch {
    return code
  }
}

/** A day of a rule, which is one in UTC. */
const dayOf = (text: string): string =>
  new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeZone: 'UTC' }).format(
    Date.parse(`${text}T00:00:00Z`),
  )

export type ReleaseState = 'running' | 'planned' | 'paused' | 'revoked' | 'ended'

export function stateOf({ revoked, until, paused, stages }: ShownRelease, now: number): ReleaseState {
  if (revoked !== undefined) return 'revoked'
  if (until !== undefined && until <= now) return 'ended'
  if (paused !== undefined) return 'paused'
  return stages[0]!.at > now ? 'planned' : 'running'
}

/** To whom a release goes, went or will go. */
export function releaseSentence(release: ShownRelease, now: number): string {
  const { percent, rule, stages } = release
  const [first] = stages
  const state = stateOf(release, now)
  if (state === 'revoked' || state === 'ended') return t.release.wentTo(shareOf(percent, rule))
  if (state === 'planned' || (percent === 0 && first!.at > now))
    return t.release.willGoTo(shareOf(first!.percent, rule), moment(first!.at))
  return t.release.goesTo(shareOf(percent, rule))
}

/** The stages that are still to come, unless it stands still. */
export const stagesToCome = ({ stages, paused }: ShownRelease, now: number): Stages =>
  paused === undefined ? stages.filter(({ at }) => at > now) : []

export const stageSentence = ({ percent, at }: Stages[number]): string => t.release.stage(percent, moment(at))

export function experimentSentence({ from, until, ended }: ShownExperiment, now: number): string {
  if (from > now) return t.experiments.planned(moment(from))
  const end = ended ?? (until !== undefined && until <= now ? until : undefined)
  return end === undefined
    ? t.experiments.running(moment(from))
    : t.experiments.ended(moment(from), moment(end))
}

export const isOver = ({ until, ended }: Pick<ShownExperiment, 'until' | 'ended'>, now: number): boolean =>
  ended !== undefined || (until !== undefined && until <= now)

/** One line of the ledger. */
export function changeSentence(change: Change): string {
  const words = t.ledger.change
  switch (change.type) {
    case 'release':
      return words.release(change.task, change.version, shareOf(change.stages[0]!.percent, change.rule))
    case 'stages':
      return words.stages(change.release, change.stages.map(stageSentence))
    case 'pause':
    case 'resume':
    case 'revoke':
      return words[change.type](change.release)
    case 'kill':
    case 'revive':
      return words[change.type](change.task)
    case 'approve':
    case 'withdraw':
      return words[change.type](change.task, change.version)
    case 'experiment':
      return words.experiment(
        change.task,
        change.arms.map(({ name, task, percent }) => t.experiments.arm(name, task?.version ?? null, percent)),
      )
    case 'end':
      return words.end(change.experiment)
    default:
      return change satisfies never
  }
}
