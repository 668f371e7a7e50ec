/** Hitting rules: which devices something is for. A rule is JSON; whether it hits a device is one pure function. */
import * as z from 'zod'
import { parse } from '../failure.ts'
import { bucketOf } from './bucket.ts'
import {
  capabilitySchema,
  countrySchema,
  type DeviceInfo,
  deviceIdSchema,
  languageSchema,
  platformSchema,
} from './device.ts'
import { inRange, rangeSchema } from './version-range.ts'

/** A rule has exactly one of these. */
interface Kinds {
  everyone: true
  /** A range of app versions: `>=1.4.0 <2.0.0 || 2.1.0`. */
  app: string
  platform: readonly string[]
  country: readonly string[]
  /** `de` is also `de-AT`. */
  language: readonly string[]
  /** All of these. */
  capabilities: readonly string[]
  /** Days, in UTC: `since` is the first, `before` the first that is too late. */
  registered: { readonly since?: string | undefined; readonly before?: string | undefined }
  /** From ≤ the device's bucket < to, in percent. */
  bucket: { readonly salt: string; readonly from: number; readonly to: number }
  devices: readonly string[]
  all: readonly Rule[]
  any: readonly Rule[]
  not: Rule
}
type Kind = keyof Kinds
export type Rule = { [K in Kind]: { readonly [P in K]: Kinds[K] } }[Kind]

/** Rules in rules, and parts of one rule. */
const DEPTH = 8
const PARTS = 32

const some = <T extends z.ZodType>(one: T, max: number) => z.array(one).min(1).max(max)
const dayText = z.iso.date('a day, as 2026-03-01')
const percent = z.number().min(0).max(100)
export const saltSchema = z.string().min(1).max(80)

const anyRule: z.ZodType = z.lazy(() => kindsSchema)
const kindsSchema = z
  .strictObject({
    everyone: z.literal(true),
    app: rangeSchema,
    platform: some(platformSchema, 50),
    country: some(countrySchema, 300),
    language: some(languageSchema, 300),
    capabilities: some(capabilitySchema, 64),
    registered: z
      .strictObject({ since: dayText.optional(), before: dayText.optional() })
      .refine(
        ({ since, before }) => since !== undefined || before !== undefined,
        'since or before is missing',
      ),
    bucket: z
      .strictObject({ salt: saltSchema, from: percent, to: percent })
      .refine(({ from, to }) => from <= to, 'it ends before it begins'),
    devices: some(deviceIdSchema, 10_000),
    all: some(anyRule, PARTS),
    any: some(anyRule, PARTS),
    not: anyRule,
  })
  .partial()
  .refine(
    (rule) => Object.keys(rule).length === 1,
    'a rule has exactly one part; put several into all or any',
  )

export const ruleSchema: z.ZodType<Rule> = z
  .unknown()
  .refine((value) => depthOf(value) <= DEPTH, { error: `rules go ${DEPTH} deep at most`, abort: true })
  .pipe(kindsSchema as unknown as z.ZodType<Rule>)

/** Throws `bad-input`, which says what is wrong and where. */
export const readRule = (value: unknown, where = 'The rule'): Rule => parse(ruleSchema, value, where)

interface Predicate<T> {
  hits(value: T, device: DeviceInfo): boolean
  /** As the end of “hits who …”. */
  says(value: T): string
  /** What is known of the device in that regard. */
  found(device: DeviceInfo, value: T): string | number | undefined
}

const list = (values: readonly string[], last: string): string =>
  values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} ${last} ${values.at(-1)}`
const dayOf = (text: string): number => Date.parse(`${text}T00:00:00Z`)

type Plain = Exclude<Kind, 'all' | 'any' | 'not'>
const predicates: { [K in Plain]: Predicate<Kinds[K]> } = {
  everyone: { hits: () => true, says: () => 'is there', found: ({ id }) => id },
  app: {
    hits: (range, { app }) => app !== undefined && inRange(app, range),
    says: (range) => `has an app of ${range}`,
    found: ({ app }) => app,
  },
  platform: {
    hits: (names, { platform }) => platform !== undefined && names.includes(platform),
    says: (names) => `runs on ${list(names, 'or')}`,
    found: ({ platform }) => platform,
  },
  country: {
    hits: (names, { country }) => country !== undefined && names.includes(country),
    says: (names) => `is in ${list(names, 'or')}`,
    found: ({ country }) => country,
  },
  language: {
    hits: (ranges, { language }) => language !== undefined && ranges.some((range) => isOf(language, range)),
    says: (ranges) => `speaks ${list(ranges, 'or')}`,
    found: ({ language }) => language,
  },
  capabilities: {
    hits: (names, { capabilities }) => names.every((name) => capabilities?.includes(name) ?? false),
    says: (names) => `can do ${list(names, 'and')}`,
    found: ({ capabilities }) => capabilities && (list(capabilities, 'and') || 'nothing'),
  },
  registered: {
    hits: ({ since, before }, { registered }) =>
      registered !== undefined &&
      (since === undefined || registered >= dayOf(since)) &&
      (before === undefined || registered < dayOf(before)),
    says: ({ since, before }) =>
      `came ${[since && `on ${since} or later`, before && `before ${before}`].filter(Boolean).join(' and ')}`,
    found: ({ registered }) => (registered === undefined ? undefined : new Date(registered).toISOString()),
  },
  bucket: {
    hits({ salt, from, to }, { id }) {
      const at = bucketOf(id, salt)
      return from <= at && at < to
    },
    says: ({ salt, from, to }) => `stands from ${from} to under ${to} of 100 by ${JSON.stringify(salt)}`,
    found: ({ id }, { salt }) => Math.round(bucketOf(id, salt) * 1000) / 1000,
  },
  devices: {
    hits: (ids, { id }) => ids.includes(id),
    says: (ids) => (ids.length === 1 ? `is ${ids[0]}` : `is one of ${ids.length} named devices`),
    found: ({ id }) => id,
  },
}

/** RFC 4647 §3.3.1. */
function isOf(language: string, range: string): boolean {
  const [tag, due] = [language.toLowerCase(), range.toLowerCase()]
  return tag === due || tag.startsWith(`${due}-`)
}

/** Whether the rule hits the device; what the device does not tell hits nothing. */
export function hits(rule: Rule, device: DeviceInfo): boolean {
  if ('all' in rule) return rule.all.every((one) => hits(one, device))
  if ('any' in rule) return rule.any.some((one) => hits(one, device))
  if ('not' in rule) return !hits(rule.not, device)
  const [[kind, value]] = Object.entries(rule) as [[Plain, never]]
  return predicates[kind].hits(value, device)
}

/** Why a rule hits a device or not, part by part. */
export interface Explanation {
  readonly hits: boolean
  /** “runs on ios or android; it is windows” */
  readonly says: string
  readonly parts: readonly Explanation[]
}

export function explain(rule: Rule, device: DeviceInfo): Explanation {
  const of = (says: string, rules: readonly Rule[]): Explanation => ({
    hits: hits(rule, device),
    says,
    parts: rules.map((one) => explain(one, device)),
  })
  if ('all' in rule) return of('all of', rule.all)
  if ('any' in rule) return of('any of', rule.any)
  if ('not' in rule) return of('not', [rule.not])
  const [[kind, value]] = Object.entries(rule) as [[Plain, never]]
  const { says, found } = predicates[kind] as Predicate<unknown>
  return of(`${says(value)}; it is ${found(device, value) ?? 'not known'}`, [])
}

/** An explanation as lines of text, what is inside of something indented under it. */
export const linesOf = ({ hits, says, parts }: Explanation): string[] => [
  `${hits ? 'yes' : 'no '}  ${says}`,
  ...parts.flatMap((part) => linesOf(part).map((line) => `  ${line}`)),
]

/** How deep rules lie in each other; never looks deeper than needed. */
function depthOf(value: unknown, left = DEPTH): number {
  if (left < 0) return 1
  if (typeof value !== 'object' || value === null) return 0
  const { all, any, not } = value as Record<string, unknown>
  const inner = [all, any]
    .flatMap((one) => (Array.isArray(one) ? one : []))
    .concat(not === undefined ? [] : [not])
  return 1 + Math.max(0, ...inner.map((one) => depthOf(one, left - 1)))
}
