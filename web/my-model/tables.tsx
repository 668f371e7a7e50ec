/** Tables whose numbers are drawn as well. */
import type { Difference, Round, Status } from '../../shared/protocol.ts'
import { duration, moment, number, size } from '../phrases.ts'
import { t } from '../strings/index.ts'

/** A cell with a bar as long as its share of the longest. */
function Drawn({ value, most, text, kind }: { value: number; most: number; text: string; kind: string }) {
  return (
    <td>
      <span class="drawn" data-kind={kind} style={{ '--share': most > 0 ? value / most : 0 }}>
        {text}
      </span>
    </td>
  )
}

/** What own and borrowed samples differ in, by their means. */
export function Differences({ differences }: { differences: readonly Difference[] }) {
  const shares = differences
    .filter(({ of }) => of !== 'value')
    .flatMap(({ own, borrowed }) => [own, borrowed])
  const mostOf = ({ of, own, borrowed }: Difference) =>
    of === 'value' ? Math.max(Math.abs(own), Math.abs(borrowed)) : Math.max(...shares)
  const text = (of: Difference['of'], value: number) =>
    of === 'value' ? number(value) : t.plots.percent(value)
  return (
    <figure class="plot">
      <h3>{t.plots.differences}</h3>
      <table class="drawn-table" data-testid="differences">
        <thead>
          <tr>
            <th scope="col">{t.plots.what}</th>
            <th scope="col">{t.plots.yours}</th>
            <th scope="col">{t.plots.borrowed}</th>
          </tr>
        </thead>
        <tbody>
          {differences.map((difference) => {
            const { of, name, own, borrowed } = difference
            const most = mostOf(difference)
            return (
              <tr key={`${of} ${name}`}>
                <th scope="row">{t.plots.measure[of](name)}</th>
                <Drawn kind="own" value={Math.abs(own)} most={most} text={text(of, own)} />
                <Drawn kind="borrowed" value={Math.abs(borrowed)} most={most} text={text(of, borrowed)} />
              </tr>
            )
          })}
        </tbody>
      </table>
      <figcaption>{t.plots.differencesAbout}</figcaption>
    </figure>
  )
}

/** What rounds took of the device, newest first. */
export function Costs({ rounds }: { rounds: readonly Round[] }) {
  const most = (of: (round: Round) => number) => Math.max(...rounds.map(of))
  const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0)
  const [time, download, memory] = [
    ({ ms }: Round) => ms,
    ({ bytes }: Round) => bytes,
    (round: Round) => round.memory ?? 0,
  ]
  return (
    <>
      <table class="drawn-table" data-testid="costs">
        <thead>
          <tr>
            <th scope="col">{t.myModel.round}</th>
            <th scope="col">{t.myModel.time}</th>
            <th scope="col">{t.myModel.download}</th>
            <th scope="col">{t.myModel.memory}</th>
          </tr>
        </thead>
        <tbody>
          {rounds.map((round) => (
            <tr key={round.at}>
              <th scope="row">{moment(round.at)}</th>
              <Drawn kind="own" value={round.ms} most={most(time)} text={duration(round.ms)} />
              <Drawn kind="own" value={round.bytes} most={most(download)} text={size(round.bytes)} />
              <Drawn
                kind="own"
                value={memory(round)}
                most={most(memory)}
                text={round.memory === undefined ? '–' : size(round.memory)}
              />
            </tr>
          ))}
        </tbody>
      </table>
      <p class="quiet">{t.myModel.costsAbout(rounds.length, duration(sum(time)), size(sum(download)))}</p>
    </>
  )
}

/** What crossed the network, by what it was for. */
export function Traffic({ traffic, bytes }: Pick<Status, 'traffic' | 'bytes'>) {
  const kinds = (Object.keys(t.stored.kinds) as (keyof Status['traffic'])[]).flatMap((kind) => {
    const counted = traffic[kind]
    return counted && counted.down + counted.up > 0 ? [{ kind, ...counted }] : []
  })
  if (kinds.length === 0) return null
  const most = Math.max(...kinds.flatMap(({ down, up }) => [down, up]))
  return (
    <table class="drawn-table" data-testid="traffic">
      <thead>
        <tr>
          <th scope="col">{t.stored.kind}</th>
          <th scope="col">{t.stored.down}</th>
          <th scope="col">{t.stored.up}</th>
        </tr>
      </thead>
      <tbody>
        {kinds.map(({ kind, down, up }) => (
          <tr key={kind}>
            <th scope="row">{t.stored.kinds[kind]}</th>
            <Drawn kind="own" value={down} most={most} text={size(down)} />
            <Drawn kind="borrowed" value={up} most={most} text={size(up)} />
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">{t.stored.total}</th>
          <td>{size(bytes.down)}</td>
          <td>{size(bytes.up)}</td>
        </tr>
      </tfoot>
    </table>
  )
}
