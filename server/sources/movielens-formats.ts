/** The editions of MovieLens, each as the two files that it is known by. Nothing here knows of events. */
import { pipeline, Readable } from 'node:stream'
import { CsvError, type Info, parse as parseCsv } from 'csv-parse'
import { badLine, readText } from './files.ts'
import { checkHeader, type Make, makeOf, readDelimited } from './table.ts'

export interface Rating {
  /** Where it stands in its file. */
  readonly line: number
  readonly user: string
  readonly movie: string
  /** 0.5 … 5 */
  readonly rating: number
  /** Seconds since the epoch; 0 in an edition whose rows are in order, but have no times. */
  readonly time: number
}

export interface Movie {
  readonly line: number
  readonly key: string
  readonly title: string
  /** Names; none where the film has no genre. */
  readonly genres: readonly string[]
}

export interface Format {
  readonly ratingsFile: string
  readonly moviesFile: string
  /** Whether the rows of a user stand together in the ratings file. */
  readonly grouped: boolean
  readRatings(file: string): AsyncIterable<Rating[]>
  readMovies(file: string): AsyncIterable<Movie[]>
}

/** The ordered table: rows of a user stand together and in time order, times are absent. */
const ordered: Format = {
  ratingsFile: 'ratings_ordered.tsv',
  moviesFile: 'movies.dat',
  grouped: true,
  readRatings: (file) =>
    readDelimited(file, 'latin1', '\t', ['user', 'movie', 'rating'], ([user, movie, rating], line) =>
      toRating(line, user, movie, rating, '0'),
    ),
  readMovies: readMoviesDat,
}

/** GroupLens’ own order of the columns. */
function ratingsBy(separator: string): Format['readRatings'] {
  return (file) =>
    readDelimited(file, 'latin1', separator, 4, ([user, movie, rating, time], line) =>
      toRating(line, user, movie, rating, time),
    )
}

/** GroupLens 1M and 10M. */
const dat: Format = {
  ratingsFile: 'ratings.dat',
  moviesFile: 'movies.dat',
  grouped: false,
  readRatings: ratingsBy('::'),
  readMovies: readMoviesDat,
}

/** GroupLens 100K: genres are flags, in this order; the first of them means that there is none. */
const FLAGS =
  "unknown|Action|Adventure|Animation|Children's|Comedy|Crime|Documentary|Drama|Fantasy|Film-Noir|Horror|Musical|Mystery|Romance|Sci-Fi|Thriller|War|Western"
const flags = FLAGS.split('|')
const FLAGS_AT = 5

const hundredK: Format = {
  ratingsFile: 'u.data',
  moviesFile: 'u.item',
  grouped: false,
  readRatings: ratingsBy('\t'),
  readMovies: (file) =>
    readDelimited(file, 'latin1', '|', FLAGS_AT + flags.length, (fields, line) => {
      const own = fields.slice(FLAGS_AT)
      if (!own.every((flag) => flag === '0' || flag === '1')) return 'a genre flag is neither 0 nor 1'
      const genres = flags.filter((genre, i) => own[i] === '1' && genre !== flags[0])
      return toMovie(line, fields[0], fields[1], genres)
    }),
}

/** GroupLens 20M and later, and “latest”. */
const csv: Format = {
  ratingsFile: 'ratings.csv',
  moviesFile: 'movies.csv',
  grouped: true,
  readRatings: (file) =>
    readCsv(file, ['userId', 'movieId', 'rating', 'timestamp'], ([user, movie, rating, time], line) =>
      toRating(line, user, movie, rating, time),
    ),
  readMovies: (file) =>
    readCsv(file, ['movieId', 'title', 'genres'], ([key, title, genres], line) =>
      toMovie(line, key, title, namesOf(genres)),
    ),
}

/** Tried in this order. */
export const formats: readonly Format[] = [ordered, dat, hundredK, csv]

function readMoviesDat(file: string): AsyncIterable<Movie[]> {
  return readDelimited(file, 'latin1', '::', 3, ([key, title, genres], line) =>
    toMovie(line, key, title, namesOf(genres)),
  )
}

const namesOf = (genres = ''): string[] =>
  genres === '' || genres === '(no genres listed)' ? [] : genres.split('|')

const ID = /^[1-9]\d{0,15}$/

function toMovie(line: number, key = '', title = '', genres: string[]): Movie | string {
  if (!ID.test(key)) return `“${key}” is not the number of a film`
  return { line, key, title: title.trim(), genres }
}

function toRating(line: number, user = '', movie = '', rating = '', time = ''): Rating | string {
  if (!ID.test(user)) return `“${user}” is not the number of a user`
  if (!ID.test(movie)) return `“${movie}” is not the number of a film`
  const stars = rating === '' ? Number.NaN : Number(rating)
  if (!(stars >= 0.5 && stars <= 5)) return `the rating “${rating}” is not a number from 0.5 to 5`
  if (!/^\d{1,11}$/.test(time)) return `the time “${time}” is not a number of seconds`
  return { line, user, movie, rating: stars, time: Number(time) }
}

/** Rows of a CSV file that are handed on together. */
const CSV_CHUNK = 2000

async function* readCsv<T extends object>(
  file: string,
  names: readonly string[],
  make: Make<T>,
): AsyncGenerator<T[]> {
  const parser = parseCsv({ info: true, relax_column_count: true })
  // The error that pipeline reports also ends the iteration of its last stream.
  pipeline(Readable.from(readText(file, 'utf8')), parser, () => {})
  let chunk: T[] = []
  let header = true
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
      const row = { line: info.lines, fields: record }
      if (header) checkHeader(file, names, row)
      else if (record.length !== names.length)
        throw badLine(file, row.line, `${record.length} fields where ${names.length} are due`)
      else chunk.push(makeOf(file, row, make))
      header = false
      if (chunk.length < CSV_CHUNK) continue
      yield chunk
      chunk = []
    }
  } catch (error) {
    throw error instanceof CsvError
      ? badLine(file, Number(error.lines), error.message, { cause: error })
      : error
  }
  yield chunk
}
