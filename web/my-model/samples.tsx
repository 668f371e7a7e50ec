/** The user's samples, one by one: to see, to look into, to erase. */
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Catalogue } from '../../shared/catalogue.ts'
import { type Failure, toFailure } from '../../shared/error.ts'
import type { CallInput, CallOutput, DeviceApi } from '../../shared/protocol.ts'
import { namesOf } from '../feed/name.ts'
import { Fault, Panel } from '../parts.tsx'
import { day, featureValues, moment, sampleUse } from '../phrases.ts'
import { t } from '../strings/index.ts'

type Of = CallInput<'samples'>['of']
type Row = CallOutput<'samples'>['rows'][number]
type Feature = CallOutput<'inspect'>['features'][number]

interface SamplesProps {
  device: Pick<DeviceApi, 'samples' | 'inspect' | 'erase'>
  catalogue: Catalogue
  /** How many there are of each: another number lists them anew. */
  counts: Record<Of, number>
}

const PAGE = 6
const sets: readonly Of[] = ['own', 'borrowed']

export function Samples({ device, catalogue, counts }: SamplesProps) {
  const [of, setOf] = useState<Of>('own')
  const [rows, setRows] = useState<Row[]>([])
  const [next, setNext] = useState<string | null>(null)
  const [failure, setFailure] = useState<Failure | null>(null)
  const titleOf = useMemo(() => namesOf(catalogue), [catalogue])
  const fail = (error: unknown) => setFailure(toFailure(error))

  // As many as were shown, when what there is has changed; from the top, when the other set is asked for.
  useEffect(() => {
    let current = true
    const limit = Math.max(PAGE, Math.min(200, rows.length))
    device.samples({ of, before: null, limit }).then((page) => {
      if (!current) return
      setRows(page.rows)
      setNext(page.next)
      setFailure(null)
    }, fail)
    return () => {
      current = false
    }
  }, [device, of, counts[of]])

  async function more(): Promise<void> {
    const page = await device.samples({ of, before: next, limit: PAGE })
    setRows([...rows, ...page.rows])
    setNext(page.next)
  }

  async function erase({ id }: Row): Promise<void> {
    await device.erase({ ids: [id] })
    setRows((all) => all.filter((row) => row.id !== id))
  }

  return (
    <Panel title={t.samples.title}>
      <p>{t.samples.about}</p>
      <fieldset class="choice">
        <legend class="sr-only">{t.samples.which}</legend>
        {sets.map((name) => (
          <label key={name}>
            <input
              type="radio"
              name="samples"
              checked={of === name}
              onChange={() => {
                setRows([])
                setOf(name)
              }}
            />
            <span>{t.samples[name](counts[name])}</span>
          </label>
        ))}
      </fieldset>
      {failure && <Fault failure={failure} />}
      {rows.length === 0 && !failure && <p class="quiet">{t.samples.none}</p>}
      <ul class="samples" data-testid="samples">
        {rows.map((row) => (
          <li key={row.id}>
            <OneSample
              row={row}
              title={row.item === null ? t.samples.notNamed : titleOf(row.item)}
              inspect={async () => (await device.inspect({ id: row.id })).features}
              erase={() => erase(row).catch(fail)}
            />
          </li>
        ))}
      </ul>
      {next !== null && (
        <button type="button" class="button" onClick={() => more().catch(fail)}>
          {t.samples.more}
        </button>
      )}
    </Panel>
  )
}

interface OneSampleProps {
  row: Row
  title: string
  inspect: () => Promise<Feature[]>
  erase: () => void
}

function OneSample({ row, title, inspect, erase }: OneSampleProps) {
  const [features, setFeatures] = useState<Feature[] | null>(null)
  // What is borrowed tells its day only.
  const when = row.use === 'validation' || row.use === 'training' || row.use === 'none' ? moment : day
  return (
    <>
      <details
        onToggle={({ currentTarget }) => {
          if (currentTarget.open && !features) inspect().then(setFeatures, () => setFeatures([]))
        }}
      >
        <summary>
          <b>{title}</b>
          <span class="quiet">
            {row.clicked ? t.samples.opened : t.samples.passed} · {when(row.at)} ·{' '}
            {sampleUse(row.use, row.score)}
          </span>
        </summary>
        {features && (
          <dl class="features">
            {features.map(({ name, values }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{featureValues(values)}</dd>
              </div>
            ))}
          </dl>
        )}
      </details>
      <button type="button" class="button plain" aria-label={t.samples.eraseOf(title)} onClick={erase}>
        {t.samples.erase}
      </button>
    </>
  )
}
