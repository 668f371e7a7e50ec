import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTables, writeTable } from './rows.ts'

const DIM = 3
const ROWS = 5000
const data = Float32Array.from({ length: ROWS * DIM }, (_, i) => i / 7)

describe('a table in the data folder', () => {
  let dir: string
  let sha256: string
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'kindred-tables-'))
    sha256 = writeTable(dir, { shape: [ROWS, DIM], data })
  })
  afterAll(() => rmSync(dir, { recursive: true }))
  const path = () => join(dir, 'tables', sha256)

  it('is named by the hash of its numbers, and stands there once', () => {
    expect(sha256).toBe(createHash('sha256').update(new Uint8Array(data.buffer)).digest('hex'))
    expect(writeTable(dir, { shape: [ROWS, DIM], data })).toBe(sha256)
    expect(readdirSync(join(dir, 'tables'))).toEqual([sha256])
  })

  it('gives the rows asked for, near or far, first and last', async () => {
    const tables = createTables(dir)
    const ids = fc.uniqueArray(fc.nat(ROWS - 1), { minLength: 1, maxLength: 60, size: 'max' })
    await fc.assert(
      fc.asyncProperty(ids, async (some) => {
        const ascending = some.sort((a, b) => a - b)
        const rows = await tables.read(sha256, DIM, ascending)
        expect([...new Float32Array(rows!.buffer)]).toEqual(
          ascending.flatMap((id) => [...data.subarray(id * DIM, (id + 1) * DIM)]),
        )
      }),
      { seed: 3, examples: [[[0]], [[ROWS - 1]], [[0, ROWS - 1]]] },
    )
  })

  it('has no rows beyond its end', async () => {
    await expect(createTables(dir).read(sha256, DIM, [0, ROWS])).rejects.toMatchObject({ code: 'bad-input' })
  })

  it('that is not there is undefined; a name that is none is refused', async () => {
    const tables = createTables(dir)
    expect(await tables.read('0'.repeat(64), DIM, [0])).toBeUndefined()
    await expect(tables.read('../store/data.mdb', DIM, [0])).rejects.toThrow(RangeError)
  })

  it('is read by many at once, and hashed once for all of them', async () => {
    const tables = createTables(dir)
    const rows = await Promise.all([1, 2, 3, 4].map((id) => tables.read(sha256, DIM, [id])))
    expect(rows.map((row) => new Float32Array(row!.buffer)[0])).toEqual(
      [1, 2, 3, 4].map((id) => data[id * DIM]),
    )
  })

  it('that is damaged gives nothing', async () => {
    const bytes = new Uint8Array(data.buffer.slice(0))
    bytes[12345]! ^= 1
    writeFileSync(path(), bytes)
    const tables = createTables(dir)
    for (let i = 0; i < 2; i++)
      await expect(tables.read(sha256, DIM, [0])).rejects.toMatchObject({ code: 'bad-artifact' })
    writeTable(dir, { shape: [ROWS, DIM], data })
    expect(await tables.read(sha256, DIM, [0])).toHaveLength(DIM * 4)
  })
})
