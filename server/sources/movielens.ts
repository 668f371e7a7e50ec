/**
 * MovieLens as events: a rating is an exposure of the film, and a click on it if the rating is 4 or better.
 *
 * Virtual clock: the ratings are decades old, and one edition has no times at all. So a user's ratings keep their order,
 * and are spread evenly over the seven days that end an hour before the source was opened. A click follows its
 * exposure by a second.
 */
import { type Catalogue, catalogueSchema, itemIndex, itemSchema } from '../../shared/catalogue.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { AppError, parse } from '../../shared/failure.ts'
import { badLine, locate, place } from './files.ts'
import { type Format, formats, type Rating } from './movielens-formats.ts'
import type { Source, SourceOptions, UserEvents } from './source.ts'
import { eventIds, SPAN_MS, virtualWeek } from './timeline.ts'

/** Ratings from here on are clicks. */
const CLICK_FROM = 4
const CLICK_AFTER_MS = 1000

/** Opens a folder in any of `formats`. Films that nobody rated stay in the catalogue. */
export async function movielens(path: string | undefined, { clock }: SourceOptions): Promise<Source> {
  if (path === undefined)
    throw new AppError('bad-input', 'The source movielens needs the folder of its files.')
  const { format, ratings, movies } = await recognise(path)
  const catalogue = await readCatalogue(format, movies)
  const { start } = virtualWeek(clock.now())
  return {
    name: 'movielens',
    schema: 'movielens',
    catalogue,
    users: () => users(format, ratings, catalogue, start),
  }
}

async function recognise(folder: string): Promise<{ format: Format; ratings: string; movies: string }> {
  for (const format of formats) {
    const ratings = await locate(folder, format.ratingsFile)
    if (ratings === undefined) continue
    const movies = await locate(folder, format.moviesFile)
    if (movies !== undefined) return { format, ratings, movies }
    throw new AppError('bad-input', `${folder} has ${format.ratingsFile}, but no ${format.moviesFile}.`)
  }
  const known = formats.map((format) => `${format.ratingsFile} with ${format.moviesFile}`).join(', ')
  throw new AppError(
    'bad-input',
    `${folder} holds no edition of MovieLens: looked for ${known}, plain or .gz.`,
  )
}

async function readCatalogue(format: Format, file: string): Promise<Catalogue> {
  const categories: string[] = []
  const items = new Map<string, Catalogue['items'][number]>()
  const categoryOf = (genre: string) => {
    const known = categories.indexOf(genre)
    return known >= 0 ? known : categories.push(genre) - 1
  }
  for await (const movies of format.readMovies(file)) {
    for (const { line, key, title, genres } of movies) {
      if (items.has(key)) throw badLine(file, line, `film ${key} stands here a second time`)
      const item = { key, title, categories: [...new Set(genres)].map(categoryOf) }
      items.set(key, parse(itemSchema, item, `${place(file, line)}: the film`))
    }
  }
  if (items.size === 0) throw badLine(file, 1, 'the file holds no films')
  if (categories.length === 0) categories.push('film')
  const catalogue = { name: 'MovieLens', noun: 'film', categories, items: [...items.values()] }
  return parse(catalogueSchema, catalogue, file)
}

async function* users(
  format: Format,
  file: string,
  catalogue: Catalogue,
  start: number,
): AsyncGenerator<UserEvents> {
  const films = itemIndex(catalogue)
  const ratings = known(format.readRatings(file), films, file)
  let empty = true
  for await (const rows of format.grouped ? together(ratings, file) : gathered(ratings, films)) {
    empty = false
    yield { user: rows[0]!.user, events: toEvents(rows, start) }
  }
  if (empty) throw badLine(file, 1, 'the file holds no ratings')
}

async function* known(
  ratings: AsyncIterable<Rating[]>,
  films: ReadonlyMap<string, number>,
  file: string,
): AsyncGenerator<Rating[]> {
  for await (const rows of ratings) {
    const stranger = rows.find((row) => !films.has(row.movie))
    if (stranger)
      throw badLine(file, stranger.line, `film ${stranger.movie} is rated, but not in the list of films`)
    yield rows
  }
}

/** Groups ratings by user where the rows of a user stand together; holds one user at a time. */
async function* together(ratings: AsyncIterable<Rating[]>, file: string): AsyncGenerator<Rating[]> {
  const seen = new Set<string>()
  let own: Rating[] = []
  for await (const rows of ratings) {
    for (const row of rows) {
      if (own.length > 0 && own[0]!.user !== row.user) {
        yield inTime(own)
        own = []
      }
      if (own.length === 0 && seen.has(row.user))
        throw badLine(file, row.line, `user ${row.user} comes again after others; sort the file by user`)
      seen.add(row.user)
      own.push(row)
    }
  }
  if (own.length > 0) yield inTime(own)
}

/** Groups ratings by user wherever they stand: holds all of them, as three numbers each. */
async function* gathered(
  ratings: AsyncIterable<Rating[]>,
  films: ReadonlyMap<string, number>,
): AsyncGenerator<Rating[]> {
  const keys = [...films.keys()]
  const packed = new Map<string, number[]>()
  for await (const rows of ratings) {
    for (const row of rows) {
      const own = packed.get(row.user) ?? []
      if (own.length === 0) packed.set(row.user, own)
      own.push(films.get(row.movie)!, row.rating, row.time)
    }
  }
  for (const [user, own] of packed) {
    yield inTime(
      Array.from({ length: own.length / 3 }, (_, i) => ({
        line: 0,
        user,
        movie: keys[own[3 * i]!]!,
        rating: own[3 * i + 1]!,
        time: own[3 * i + 2]!,
      })),
    )
  }
}

/** Sorts in place; ratings of the same second keep the order of the file. */
const inTime = (rows: Rating[]): Rating[] => rows.sort((a, b) => a.time - b.time)

function toEvents(rows: readonly Rating[], start: number): KindredEvent[] {
  const step = SPAN_MS / rows.length
  const clickAfter = Math.min(CLICK_AFTER_MS, Math.floor(step / 2))
  const nextId = eventIds('movielens', rows[0]!.user)
  const events: KindredEvent[] = []
  rows.forEach(({ movie: item, rating }, i) => {
    const at = Math.floor(start + (i + 0.5) * step)
    const exposure = nextId(at)
    events.push({ type: 'exposure', id: exposure, at, item })
    if (rating < CLICK_FROM) return
    events.push({ type: 'click', id: nextId(at + clickAfter), at: at + clickAfter, item, exposure })
  })
  return events
}
