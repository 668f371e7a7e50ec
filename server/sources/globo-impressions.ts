/**
 * Globo.com's clicks with what each was chosen from, which the log does not have: articles that were being read elsewhere at
 * that moment, and of each what the portal knew of it then. Everything is drawn and counted from clicks before the moment.
 */
import { DAY_MS } from '../../shared/clock.ts'
import type { ItemContext, KindredEvent } from '../../shared/event.ts'
import { type Random, seeded } from '../../shared/random.ts'
import { inTimeOrder, readSessions } from './globo-log.ts'
import { impression, PASSED_OVER } from './impression.ts'
import { createMoment, type Moment } from './moment.ts'
import type { stamps } from './timeline.ts'

const HOUR_MS = 3_600_000
/** What the portal knows is told in so many parts of its logarithm. */
const PARTS = 16

/** One click of the log, and what was shown with it. */
export interface Impression {
  /** By the log's own clock, ms; they do not fall. */
  readonly at: number
  readonly user: number
  /** Group of devices. */
  readonly device: number
  readonly article: number
  /** Up to four, each of those read by anyone in the hour before as likely as any other, none that the session had. */
  readonly passedOver: readonly number[]
  /** What the portal knew of each of them all: [¼ ln(1 + clicks in the last hour), ¼ ln(1 + hours since its first click)]. */
  readonly told: ReadonlyMap<number, ItemContext>
  /** ms since the article's first click by anyone; 0 for the first. */
  readonly age: number
  /** What the click is judged among, where the reader was asked for that. */
  readonly exam?: Exam | undefined
}

/** Sets of articles that were being read at the moment, without the one clicked and those that the session had. */
export interface Exam {
  /** Drawn click by click, so as often as they were read. */
  readonly read: readonly number[]
  /** Each distinct article as likely as any other. */
  readonly any: readonly number[]
  readonly told: ReadonlyMap<number, ItemContext>
}

export interface ImpressionOptions {
  /** Clicks after this are left out (ms). */
  readonly end: number
  readonly seed: number
  /** Whether a click is to be judged, and among how many others; sets that are smaller are not told. */
  readonly exam?: { readonly among: number; wanted(user: number, at: number): boolean }
}

/** In time order, some at a time. What is drawn for exams changes nothing of what is drawn otherwise. */
export async function* impressions(
  file: string,
  { end, seed, exam }: ImpressionOptions,
): AsyncGenerator<Impression[]> {
  const shown = seeded(seed)
  const examined = seeded(seed + 1)
  const moment = createMoment(HOUR_MS)
  /** To draw from one leaves it in another order. */
  const elsewhere = createMoment(HOUR_MS)
  const firsts = new Map<number, number>()
  for await (const clicks of inTimeOrder(readSessions(file))) {
    const some: Impression[] = []
    for (const { session, click } of clicks) {
      const { at, article, device } = click
      if (at > end) continue
      const { user } = session
      // Not what the session has later: who is known to pass that over would be known to click it.
      const own = (other: number) => session.clicks.some((click) => click.article === other && click.at <= at)
      const tell = tellerOf(moment, firsts, at)
      const passedOver = moment.draw(at, PASSED_OVER, shown, own)
      const wanted = exam?.wanted(user, at) ? exam.among : 0
      some.push({
        at,
        user,
        device,
        article,
        passedOver,
        told: tell([article, ...passedOver]),
        age: at - (firsts.get(article) ?? at),
        exam: wanted > 0 ? examOf(elsewhere, at, wanted, examined, article, own, tell) : undefined,
      })
      moment.add(at, article)
      if (exam) elsewhere.add(at, article)
      if (!firsts.has(article)) firsts.set(article, at)
    }
    yield some
  }
}

type Tell = (articles: readonly number[]) => ReadonlyMap<number, ItemContext>

const tellerOf =
  (moment: Moment, firsts: ReadonlyMap<number, number>, at: number): Tell =>
  (articles) =>
    new Map(
      articles.map((article) => {
        const hours = (at - (firsts.get(article) ?? at)) / HOUR_MS
        return [article, [roughly(moment.clicks(at, article)), roughly(hours)]]
      }),
    )

const roughly = (count: number): number => Math.round((PARTS * Math.log1p(count)) / 4) / PARTS

function examOf(
  moment: Moment,
  at: number,
  among: number,
  random: Random,
  article: number,
  own: (article: number) => boolean,
  tell: Tell,
): Exam | undefined {
  const refused = (other: number) => other === article || own(other)
  const read = moment.drawRead(at, among, random, refused)
  const any = moment.draw(at, among, random, refused)
  if (read.length < among || any.length < among) return undefined
  return { read, any, told: tell([article, ...read, ...any]) }
}

/** What is remembered of a reader from one click to the next. */
export interface Reader {
  readonly stamp: ReturnType<typeof stamps>
  /** The group of devices last told; −1 before any. */
  device: number
}

/** An impression as the reader's events, `at` being the time of the click (ms) by the clock that they are to follow. */
export function eventsOf(reader: Reader, random: Random, shown: Impression, at: number): KindredEvent[] {
  const events: KindredEvent[] = []
  if (reader.device !== shown.device)
    events.push({ type: 'profile', ...reader.stamp(at - 1000), name: 'device', value: `${shown.device}` })
  reader.device = shown.device
  const { article, passedOver, told } = shown
  const context = (item: string) => told.get(Number(item))
  const seen = { at, item: `${article}`, passedOver: passedOver.map(String), context }
  return [...events, ...impression(reader.stamp, random, seen)]
}

/** Where the day of Globo.com's readers, in Brasília, begins in a UTC day. */
export const MIDNIGHT_MS = DAY_MS / 8
