import { type RunHealth, runHealthSchema } from '../../shared/admin.ts'
import { Panel } from '../parts.tsx'
import { day, duration, fixed, number, size } from '../phrases.ts'
import { useHere, useLoaded } from './here.ts'
import { IntervalPlot } from './interval-plot.tsx'
import type { Series } from './intervals.ts'
import { Head, WhenLoaded } from './parts.tsx'
import { t } from './words/index.ts'

type Row = RunHealth['rows'][number]
type Summed = RunHealth['versions'][number]

/** How runs of tasks go: how long they take, what they download, how many fail and by what. */
export function Health() {
  const { ask } = useHere()
  const found = useLoaded(() => ask(runHealthSchema, '/health'))
  return (
    <div class="panels">
      <Head title={t.view.health} of={found} />
      <WhenLoaded of={found}>
        {(health) => {
          const tasks = [...new Set(health.versions.map(({ task }) => task))]
          return (
            <>
              <p class="quiet">{t.health.about(health.to - health.from + 1)}</p>
              {tasks.length === 0 && <p>{t.health.noneYet}</p>}
              {tasks.map((task) => (
                <TaskHealth key={task} task={task} health={health} />
              ))}
            </>
          )
        }}
      </WhenLoaded>
    </div>
  )
}

const percent = (share: number): string => t.share(Math.round(1000 * share) / 10)

/** Of the runs that were not stopped, those that did not end well. */
export const failedOf = ({ runs, outcomes }: Pick<Summed, 'runs' | 'outcomes'>): number =>
  runs === 0 ? 0 : (outcomes.refused + outcomes.failed + outcomes.late) / runs

function TaskHealth({
  task,
  health: { rows, versions, alarms, dayMs },
}: {
  task: string
  health: RunHealth
}) {
  const of = <T extends { task: string }>(all: readonly T[]) => all.filter((one) => one.task === task)
  const days = new Set(of(rows).map((row) => row.day)).size
  const plot = (
    title: string,
    summary: string,
    shown: (value: number) => string,
    value: (row: Row) => { value: number; interval: readonly [number, number] | null } | null,
  ) => (
    <IntervalPlot
      title={title}
      summary={summary}
      series={seriesOf(of(rows), value)}
      shown={shown}
      named={(x) => day(x * dayMs)}
      floor={0}
      words={{
        x: t.experiments.day,
        series: t.health.version,
        value: title,
        interval: `${t.health.median} – ${t.health.p95}`,
      }}
    />
  )
  /** From a median up to what 95 of 100 stay below. */
  const upTo = (spread: Row['ms'], unit: number) =>
    spread && { value: spread.median / unit, interval: [spread.median / unit, spread.p95 / unit] as const }
  return (
    <Panel title={task}>
      {of(alarms).map(({ version, against, failed, before }) => (
        <p key={version} class="wrong">
          {t.health.alarm(version, percent(failed.share), percent(before.share), against)}
        </p>
      ))}
      {of(versions).map((one) => (
        <VersionHealth key={one.version} of={one} />
      ))}
      {plot(
        t.health.time,
        t.health.summary(days),
        (value) => fixed(value, 2),
        ({ ms }) => upTo(ms, 1000),
      )}
      {plot(
        t.health.bytes,
        t.health.summary(days),
        (value) => fixed(value, 1),
        ({ bytes }) => upTo(bytes, 1000),
      )}
      {plot(
        t.health.failed,
        t.health.shareSummary(days),
        (value) => fixed(value, 1),
        (row) => (row.runs === 0 ? null : { value: 100 * failedOf(row), interval: null }),
      )}
    </Panel>
  )
}

/** What each version of one task had on each day. */
export function seriesOf(
  rows: readonly Row[],
  value: (row: Row) => { value: number; interval: readonly [number, number] | null } | null,
): readonly Series[] {
  const versions = [...new Set(rows.map(({ version }) => version))].sort((a, b) => a - b)
  return versions.map((version) => ({
    name: t.version(version),
    values: rows.flatMap((row) => {
      const found = row.version === version ? value(row) : null
      return found ? [{ x: row.day, ...found }] : []
    }),
  }))
}

/** One version over all days. */
function VersionHealth({ of: one }: { of: Summed }) {
  const { task, version, runs, ms, bytes, failures } = one
  const kinds = Object.entries(failures).filter(([, count]) => count > 0)
  return (
    <section class="arm" data-testid={`health-${task}-${version}`}>
      <h3>
        {t.version(version)}: {t.health.runs(runs)}
      </h3>
      <dl class="facts">
        {ms && (
          <div>
            <dt>{t.health.time}</dt>
            <dd>
              {duration(ms.median)}, {t.health.p95}: {duration(ms.p95)}
            </dd>
          </div>
        )}
        {bytes && (
          <div>
            <dt>{t.health.bytes}</dt>
            <dd>
              {size(bytes.median)}, {t.health.p95}: {size(bytes.p95)}
            </dd>
          </div>
        )}
        <div>
          <dt>{t.health.failed}</dt>
          <dd>{percent(failedOf(one))}</dd>
        </div>
      </dl>
      {kinds.length > 0 && (
        <table class="table">
          <caption>{t.health.failures}</caption>
          <thead>
            <tr>
              <th scope="col">{t.health.kind}</th>
              <th scope="col">{t.experiments.value}</th>
            </tr>
          </thead>
          <tbody>
            {kinds.map(([kind, count]) => (
              <tr key={kind}>
                <th scope="row">{kindOf(kind)}</th>
                <td>{number(count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

/** By its words where there are some; a failure's code is one for those who read code. */
const kindOf = (kind: string): string => (t.health.outcomes as Record<string, string>)[kind] ?? kind
