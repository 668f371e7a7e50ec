import { access } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { catalogueSchema } from '../../shared/catalogue.ts'
import { eventSchema } from '../../shared/event.ts'
import { complaintOf, eventsOf, folderOf } from './fixtures.ts'
import { movielens } from './movielens.ts'
import { virtualWeek } from './timeline.ts'

const NOW = Date.UTC(2026, 0, 15, 12)
const options = { clock: { now: () => NOW } }
const { start, end } = virtualWeek(NOW)

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const flags = (...set: number[]) =>
  Array.from({ length: 19 }, (_, i) => (set.includes(i) ? '1' : '0')).join('|')

const MOVIES_DAT = latin1(
  '7::The Quiet Harbour (1961)::Drama|Mystery\n20::L\u2019\u00e9t\u00e9 \u00e0 la mer (1974)::Comedy\n3::Nobody Rated This (1990)::Drama\n'.replace(
    '\u2019',
    "'",
  ),
)

/** The same three ratings of two users in each edition; u2 rated first in time what stands last in the file. */
const editions: Record<string, Record<string, string | Buffer>> = {
  'ordered table': {
    'ratings_ordered.tsv.gz': 'user\tmovie\trating\n1\t7\t4\n2\t20\t3\n2\t7\t5\n',
    'movies.dat': MOVIES_DAT,
    'users.dat': 'not read',
  },
  '1M': {
    'ratings.dat': '2::7::5::200\n1::7::4::100\n2::20::3::150\n',
    'movies.dat': MOVIES_DAT,
  },
  '1M with CRLF, gzipped': {
    'ratings.dat.gz': '2::7::5::200\r\n1::7::4::100\r\n2::20::3::150',
    'movies.dat.gz': latin1(MOVIES_DAT.toString('latin1').replaceAll('\n', '\r\n')),
  },
  '100K': {
    'u.data': '2\t7\t5\t200\n1\t7\t4\t100\n2\t20\t3\t150\n',
    'u.item': latin1(
      [
        `7|The Quiet Harbour (1961)|01-Jan-1961||http://example.org|${flags(8, 13)}`,
        `20|L'\u00e9t\u00e9 \u00e0 la mer (1974)|01-Jan-1974|||${flags(5)}`,
        `3|Nobody Rated This (1990)|||| ${flags(8)}`.replace('| 0', '|0'),
      ].join('\n'),
    ),
  },
  latest: {
    'ratings.csv': 'userId,movieId,rating,timestamp\r\n1,7,4.0,100\r\n2,7,5.0,200\r\n2,20,3.5,150\r\n',
    'movies.csv':
      '\ufeffmovieId,title,genres\n7,The Quiet Harbour (1961),Drama|Mystery\n20,"L\'\u00e9t\u00e9 \u00e0 la mer (1974)",Comedy\n3,Nobody Rated This (1990),Drama\n',
  },
}

describe.each(Object.entries(editions))('%s', (_, files) => {
  test('films keep titles and genres, rated or not', async () => {
    const { catalogue } = await movielens(await folderOf(files), options)
    expect(catalogueSchema.safeParse(catalogue).success).toBe(true)
    const films = catalogue.items.map(({ key, title, categories }) => [
      key,
      title,
      ...categories.map((c) => catalogue.categories[c]),
    ])
    expect(films).toEqual([
      ['7', 'The Quiet Harbour (1961)', 'Drama', 'Mystery'],
      ['20', "L'\u00e9t\u00e9 \u00e0 la mer (1974)", 'Comedy'],
      ['3', 'Nobody Rated This (1990)', 'Drama'],
    ])
  })

  test('a rating is an exposure, and from 4 on a click on it, in time order', async () => {
    const users = await eventsOf(await movielens(await folderOf(files), options))
    const told = (user: string) =>
      users.get(user)!.map((event) => [event.type, 'item' in event && event.item])
    expect([...users.keys()].sort()).toEqual(['1', '2'])
    expect(told('1')).toEqual([
      ['exposure', '7'],
      ['click', '7'],
    ])
    expect(told('2')).toEqual([
      ['exposure', '20'],
      ['exposure', '7'],
      ['click', '7'],
    ])
    const [exposure, click] = users.get('1')!
    expect(click).toMatchObject({ exposure: exposure!.id })
    for (const event of [...users.values()].flat()) expect(eventSchema.safeParse(event).success).toBe(true)
  })
})

test('a user\u2019s ratings are spread evenly over the virtual week', async () => {
  const rows = Array.from({ length: 7 }, (_, i) => `5::${i + 1}::1::${i}`).join('\n')
  const movies = Array.from({ length: 7 }, (_, i) => `${i + 1}::Film ${i + 1}::Drama`).join('\n')
  const folder = await folderOf({ 'ratings.dat': rows, 'movies.dat': movies })
  const events = (await eventsOf(await movielens(folder, options))).get('5')!
  const noons = Array.from({ length: 7 }, (_, day) => Date.UTC(2026, 0, 8 + day, 23))
  expect(events.map((event) => event.at)).toEqual(noons)
})

test('a source tells the same events each time, and other ids at another time', async () => {
  const folder = await folderOf(editions['1M']!)
  const source = await movielens(folder, options)
  const first = await eventsOf(source)
  expect(await eventsOf(source)).toEqual(first)
  expect(await eventsOf(await movielens(folder, options))).toEqual(first)
  const later = await eventsOf(await movielens(folder, { clock: { now: () => NOW + 1 } }))
  expect(later.get('1')![0]!.id).not.toBe(first.get('1')![0]!.id)
})

test('a film without genres has an empty list of categories', async () => {
  const folder = await folderOf({
    'ratings.csv': 'userId,movieId,rating,timestamp\n1,1,0.5,0\n',
    'movies.csv': 'movieId,title,genres\n1,"Stars, ""and"" Stripes (1999)",(no genres listed)\n',
  })
  const { catalogue } = await movielens(folder, options)
  expect(catalogue.items).toEqual([{ key: '1', title: 'Stars, "and" Stripes (1999)', categories: [] }])
  expect(catalogueSchema.safeParse(catalogue).success).toBe(true)
})

const header = 'userId,movieId,rating,timestamp\n'
const csvMovies = 'movieId,title,genres\n7,A,Drama\n20,B,Drama\n'
const broken: [string, Record<string, string | Buffer>, RegExp][] = [
  [
    'a field too few',
    { 'ratings.dat': '1::7::4::1\n1::20::5\n', 'movies.dat': MOVIES_DAT },
    /^ratings\.dat:2: 3 fields where 4 are due$/,
  ],
  [
    'a rating that is none',
    { 'ratings.dat': '1::7::six::1\n', 'movies.dat': MOVIES_DAT },
    /^ratings\.dat:1: the rating \u201csix\u201d/,
  ],
  [
    'a rating out of range',
    { 'ratings.dat': '1::7::6::1\n', 'movies.dat': MOVIES_DAT },
    /^ratings\.dat:1: the rating \u201c6\u201d/,
  ],
  [
    'a rating left out',
    { 'ratings.csv': `${header}1,7,,1\n`, 'movies.csv': csvMovies },
    /^ratings\.csv:2: the rating \u201c\u201d/,
  ],
  [
    'a time that is none',
    { 'ratings.dat': '1::7::4::-1\n', 'movies.dat': MOVIES_DAT },
    /^ratings\.dat:1: the time \u201c-1\u201d/,
  ],
  [
    'a user that is none',
    { 'u.data': '\t7\t4\t1\n', 'u.item': `7|A||||${flags(1)}\n` },
    /^u\.data:1: \u201c\u201d is not the number of a user$/,
  ],
  [
    'a blank line',
    { 'ratings.dat': '1::7::4::1\n\n', 'movies.dat': MOVIES_DAT },
    /^ratings\.dat:2: 1 fields where 4/,
  ],
  [
    'a film that is not listed',
    { 'ratings.dat': '1::7::4::1\n1::8::4::1\n', 'movies.dat': MOVIES_DAT },
    /^ratings\.dat:2: film 8 is rated, but not in the list of films$/,
  ],
  [
    'a film listed twice',
    { 'ratings.dat': '1::7::4::1\n', 'movies.dat': '7::A::Drama\n7::B::Drama\n' },
    /^movies\.dat:2: film 7 stands here a second time$/,
  ],
  [
    'a genre flag that is none',
    { 'u.data': '1\t7\t4\t1\n', 'u.item': `7|A||||${flags().replace('0', '2')}\n` },
    /^u\.item:1: a genre flag/,
  ],
  [
    'a table without its header',
    { 'ratings_ordered.tsv': '1\t7\t4\n', 'movies.dat': MOVIES_DAT },
    /^ratings_ordered\.tsv:1: the file must begin with the column names user, movie, rating$/,
  ],
  [
    'a CSV file with other columns',
    { 'ratings.csv': 'user,movie\n', 'movies.csv': csvMovies },
    /^ratings\.csv:1: the file must begin/,
  ],
  [
    'a CSV row too long',
    { 'ratings.csv': `${header}1,7,4,1\n1,20,4,1,9\n`, 'movies.csv': csvMovies },
    /^ratings\.csv:3: 5 fields where 4 are due$/,
  ],
  [
    'a quote that never ends',
    { 'ratings.csv': `${header}1,7,4,1\n`, 'movies.csv': 'movieId,title,genres\n7,"A,Drama\n' },
    /^movies\.csv:\d: Quote Not Closed/,
  ],
  [
    'CSV that is not UTF-8',
    {
      'ratings.csv': `${header}1,7,4,1\n`,
      'movies.csv': latin1('movieId,title,genres\n7,\u00e9t\u00e9,Drama\n'),
    },
    /^movies\.csv:\d: the file cannot be read/,
  ],
  [
    'a user that comes again',
    { 'ratings.csv': `${header}1,7,4,1\n2,7,4,1\n1,20,4,1\n`, 'movies.csv': csvMovies },
    /^ratings\.csv:4: user 1 comes again/,
  ],
  [
    'an empty ratings file',
    { 'ratings.dat': '', 'movies.dat': MOVIES_DAT },
    /^ratings\.dat:1: the file holds no ratings$/,
  ],
  [
    'a ratings file of a header',
    { 'ratings.csv': header, 'movies.csv': csvMovies },
    /^ratings\.csv:1: the file holds no ratings$/,
  ],
  [
    'an empty films file',
    { 'ratings.dat': '1::7::4::1\n', 'movies.dat': '' },
    /^movies\.dat:1: the file holds no films$/,
  ],
  ['films missing', { 'ratings.dat': '1::7::4::1\n' }, /has ratings\.dat, but no movies\.dat/],
  [
    'a folder of something else',
    { 'notes.txt': '' },
    /holds no edition of MovieLens: looked for .*u\.data with u\.item/,
  ],
]

test.each(broken)('%s is refused with file, line and reason', async (_, files, complaint) => {
  const folder = await folderOf(files)
  expect(await complaintOf(movielens(folder, options).then(eventsOf))).toMatch(complaint)
})

test('a gzip file that was cut off is refused', async () => {
  const lines = Array.from({ length: 5000 }, (_, i) => `${i + 1}::7::4::${(i * 7919) % 1000}\n`).join('')
  const folder = await folderOf({ 'ratings.dat.gz': lines, 'movies.dat': MOVIES_DAT })
  const { readFile, writeFile } = await import('node:fs/promises')
  const bytes = await readFile(`${folder}/ratings.dat.gz`)
  await writeFile(`${folder}/ratings.dat.gz`, bytes.subarray(0, bytes.length / 2))
  const complaint = await complaintOf(movielens(folder, options).then(eventsOf))
  expect(complaint).toMatch(/^ratings\.dat\.gz:\d+: the file cannot be read from here on/)
})

test('a folder must be named', async () => {
  expect(await complaintOf(movielens(undefined, options))).toMatch(/needs the folder/)
})

const ML_1M = fileURLToPath(new URL('../../../shared/data/ml-1m', import.meta.url))
const here = await access(ML_1M).then(
  () => true,
  () => false,
)
if (!here) console.warn(`Skipped: the tests on MovieLens-1M need ${ML_1M}.`)

test.skipIf(!here)('MovieLens-1M is read whole', async () => {
  const source = await movielens(ML_1M, options)
  expect(source.catalogue.items).toHaveLength(3883)
  expect(catalogueSchema.safeParse(source.catalogue).success).toBe(true)

  const films = new Set(source.catalogue.items.map((item) => item.key))
  const seen = new Set<string>()
  let exposures = 0
  let clicks = 0
  let faults = 0
  for await (const { user, events } of source.users()) {
    seen.add(user)
    let last = { id: '', at: start }
    for (const event of events) {
      if (event.type === 'click') clicks++
      else exposures++
      if (event.id <= last.id || event.at < last.at || event.at > end) faults++
      if (!('item' in event) || !films.has(event.item)) faults++
      last = event
    }
    if (!eventSchema.safeParse(events.at(-1)).success) faults++
  }
  // Counted with awk: rows of the table, and rows whose rating is 4 or 5.
  expect({ exposures, clicks, users: seen.size, faults }).toEqual({
    exposures: 1_000_209,
    clicks: 575_281,
    users: 6040,
    faults: 0,
  })
})
