/** Ranges of versions: comparators side by side are all to hold, and `||` stands between alternatives. */
import * as z from 'zod'
import { appVersionSchema } from './device.ts'

const comparatorPattern = /^(>=|<=|>|<|=)?(\d[\d.]*)$/

interface Comparator {
  readonly sign: string
  readonly version: string
}

export const rangeSchema = z
  .string()
  .max(200)
  .refine((text) => comparatorsOf(text) !== undefined, 'a range of versions, as >=1.4.0 <2.0.0 || 2.1.0')

/** Whether a version is in a range; false where either is none. */
export const inRange = (version: string, range: string): boolean =>
  comparatorsOf(range)?.some((all) => all.every((one) => holds(one, version))) ?? false

/** By their numbers: negative where `one` is the earlier. */
export function compareVersions(one: string, other: string): number {
  const [a, b] = [one, other].map((text) => text.split('.').map(Number))
  return a!.map((number, i) => number - b![i]!).find((difference) => difference !== 0) ?? 0
}

function comparatorsOf(range: string): Comparator[][] | undefined {
  const alternatives = range.split('||').map((text) => text.trim().split(/\s+/).map(comparatorOf))
  const whole = alternatives.every((all) => all.every((one) => one !== undefined))
  return whole ? (alternatives as Comparator[][]) : undefined
}

function comparatorOf(text: string): Comparator | undefined {
  const [, sign = '=', version = ''] = comparatorPattern.exec(text) ?? []
  return appVersionSchema.safeParse(version).success ? { sign, version } : undefined
}

function holds({ sign, version }: Comparator, found: string): boolean {
  if (!appVersionSchema.safeParse(found).success) return false
  const order = compareVersions(found, version)
  if (sign === '=') return order === 0
  return (sign.includes('=') && order === 0) || (sign.startsWith('>') ? order > 0 : order < 0)
}
