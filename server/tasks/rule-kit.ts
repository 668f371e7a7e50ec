/**
 * For tests: which versions a device is to have, read from docs/tasks.md once more. Of the code under test it uses nothing but the hash
 * that gives a device its place.
 */
import { bucketOf } from '../../shared/release/bucket.ts'
import type { Change, Entry } from '../../shared/release/changes.ts'
import type { DeviceInfo } from '../../shared/release/device.ts'
import type { Rule } from '../../shared/release/rules.ts'

type Of<T extends Change['type']> = Entry & { change: Extract<Change, { type: T }> }
type Stages = Of<'release'>['change']['stages']

const are = <T extends Change['type']>(entries: readonly Entry[], type: T) =>
  entries.filter((one): one is Of<T> => one.change.type === type)

/** By task, of the entries that are there at `now`. */
export function dueFor(all: readonly Entry[], device: DeviceInfo, now: number): Record<string, number> {
  const entries = all.filter(({ at }) => at <= now)
  const due: Record<string, number> = {}
  for (const { n, change } of are(entries, 'release'))
    if (isIn(entries, n, device, now)) due[change.task] = change.version
  for (const { n, at, change } of are(entries, 'experiment')) {
    const ended = are(entries, 'end').some((end) => end.change.experiment === n)
    const runs = Math.max(at, change.from) <= now && !ended && !(change.until && change.until <= now)
    if (!runs || !fits(change.rule, device)) continue
    const place = bucketOf(device.id, change.seed)
    let edge = 0
    for (const arm of change.arms) {
      if (edge <= place && place < edge + arm.percent && arm.task) due[change.task] = arm.task.version
      edge += arm.percent
    }
  }
  for (const task of Object.keys(due)) {
    const last = entries.findLast(
      ({ change }) => (change.type === 'kill' || change.type === 'revive') && change.task === task,
    )
    if (last?.change.type === 'kill') delete due[task]
  }
  return due
}

function isIn(entries: readonly Entry[], n: number, device: DeviceInfo, now: number): boolean {
  const { change } = are(entries, 'release').find((one) => one.n === n)!
  const over = are(entries, 'revoke').some((one) => one.change.release === n)
  if (over || (change.until !== undefined && change.until <= now) || !fits(change.rule, device)) return false
  return bucketOf(device.id, change.salt) < shareOf(entries, n, now)
}

/** A release has a clock of its own, which stands still while it is paused: by that its stages come. */
function shareOf(entries: readonly Entry[], n: number, now: number): number {
  let stages: readonly { after: number; percent: number }[] = []
  let [lost, since] = [0, Number.POSITIVE_INFINITY]
  const begin = (planned: Stages) => planned.map(({ at, percent }) => ({ after: at - lost, percent }))
  for (const { n: number, at, change } of entries) {
    if (number === n && change.type === 'release') stages = begin(change.stages)
    if (!('release' in change) || change.release !== n) continue
    if (change.type === 'stages') stages = begin(change.stages)
    if (change.type === 'pause') since = at
    if (change.type === 'resume') {
      lost += at - since
      since = Number.POSITIVE_INFINITY
    }
  }
  const own = Math.min(now, since) - lost
  return Math.max(0, ...stages.filter(({ after }) => after <= own).map(({ percent }) => percent))
}

/** Rules of the few kinds that the test makes. */
function fits(rule: Rule, device: DeviceInfo): boolean {
  if ('all' in rule) return rule.all.every((one) => fits(one, device))
  if ('any' in rule) return rule.any.some((one) => fits(one, device))
  if ('not' in rule) return !fits(rule.not, device)
  if ('country' in rule) return rule.country.some((one) => one === device.country)
  if ('platform' in rule) return rule.platform.some((one) => one === device.platform)
  if ('devices' in rule) return rule.devices.some((one) => one === device.id)
  if ('app' in rule) return rule.app === '>=2.0.0' && Number(device.app?.split('.')[0] ?? 0) >= 2
  if ('capabilities' in rule) return rule.capabilities.every((one) => device.capabilities?.includes(one))
  return 'everyone' in rule
}
