/** A small log of a made-up portal, in the form of Globo.com's. */
import { seeded } from '../../../shared/random.ts'
import { GLOBO_HEADER, globoLine } from '../../sources/fixtures.ts'

const HOUR_MS = 3_600_000
/** Midnight in Brasília. */
export const FIRST_DAY = Date.UTC(2017, 9, 1, 3)

export interface PortalOptions {
  readonly readers: number
  readonly days: number
  readonly seed?: number
}

/**
 * Every reader comes twice a day, and reads two or three articles, mostly of one of two kinds (even or odd numbers), none
 * older than a day and a half. Six new ones of each kind come every day.
 */
export function portalLog({ readers, days, seed = 1 }: PortalOptions): string {
  const random = seeded(seed)
  const sessions: { start: number; lines: (session: number) => string[] }[] = []
  for (let day = 0; day < days; day++)
    for (let user = 0; user < readers; user++)
      for (const hour of [8, 17]) {
        const start = FIRST_DAY + (24 * day + hour) * HOUR_MS + random.below(5 * HOUR_MS)
        const clicks = Array.from({ length: 2 + random.below(2) }, (_, i) => {
          const kind = random.next() < 0.9 ? user % 2 : (user + 1) % 2
          const newest = 6 * (day + (hour > 12 ? 1 : 0))
          return { at: start + i * 60_000, article: 2 * Math.max(0, newest - random.below(9)) + kind }
        })
        const lines = (session: number) =>
          clicks.map(({ at, article }) => globoLine(user, session, start, article, at, 1 + (user % 3)))
        sessions.push({ start, lines })
      }
  sessions.sort((a, b) => a.start - b.start)
  return `${[GLOBO_HEADER, ...sessions.flatMap(({ lines }, session) => lines(session))].join('\n')}\n`
}
