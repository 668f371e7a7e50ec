import {
  type Estimate,
  METRICS,
  type Measured,
  type Metric,
  measuredSchema,
  type ShownExperiment,
  shownBoardSchema,
} from '../../../shared/admin.ts'
import { Panel } from '../../parts.tsx'
import { day, fixed, moment, number, signedPercent } from '../../phrases.ts'
import { useHere, useLoaded } from '../here.ts'
import { IntervalPlot } from '../interval-plot.tsx'
import type { Series } from '../intervals.ts'
import { Head, WhenLoaded } from '../parts.tsx'
import { experimentSentence, isOver, whom } from '../sentences.ts'
import { t } from '../words/index.ts'
import { Arms } from './experiments.tsx'

/** One experiment: who is in it, and how its arms do. */
export function ExperimentView({ id }: { id: number }) {
  const { ask } = useHere()
  const found = useLoaded(async () => {
    const { experiments } = await ask(shownBoardSchema, '/releases')
    const experiment = experiments.find((one) => one.id === id)
    return experiment
      ? { experiment, measured: await ask(measuredSchema, `/experiments/${id}`) }
      : { experiment }
  })
  const task = found.value?.experiment?.task
  return (
    <div class="panels">
      <Head title={task === undefined ? t.view.experiments : t.experiments.title(id, task)} of={found} />
      <WhenLoaded of={found}>
        {({ experiment, measured }) =>
          experiment && measured ? (
            <>
              <Plan experiment={experiment} />
              <Totals measured={measured} />
              <Days measured={measured} />
            </>
          ) : (
            <p>{t.experiments.none(id)}</p>
          )
        }
      </WhenLoaded>
    </div>
  )
}

function Plan({ experiment }: { experiment: ShownExperiment }) {
  const { now, propose } = useHere()
  const { id, rule, until } = experiment
  const over = isOver(experiment, now())
  return (
    <section class="panel" aria-label={t.experiments.arms}>
      <p>{experimentSentence(experiment, now())}</p>
      <p>{t.experiments.with(whom(rule))}</p>
      {until !== undefined && !over && <p>{t.experiments.until(moment(until))}</p>}
      <Arms experiment={experiment} />
      {!over && (
        <button
          type="button"
          class="button danger"
          onClick={() =>
            propose({
              title: t.ask.end.title(id),
              about: t.ask.end.about,
              yes: t.ask.end.yes,
              danger: true,
              change: { order: { type: 'end', experiment: id } },
            })
          }
        >
          {t.experiments.end}
        </button>
      )}
    </section>
  )
}

/** Shares by percent, the others as they are. */
const shownAs: Record<Metric, (value: number) => string> = {
  ctr: (value) => t.share(rounded(100 * value)),
  clicksPerUser: (value) => fixed(value, 2),
  clickerShare: (value) => t.share(rounded(100 * value)),
}
const rounded = (value: number) => Math.round(100 * value) / 100

function estimated({ value, ci95 }: Estimate, shown: (value: number) => string): string {
  if (value === null) return '–'
  return ci95 ? `${shown(value)} (${shown(ci95[0])} – ${shown(ci95[1])})` : shown(value)
}

/** Each arm over all days. */
function Totals({ measured: { total, against, baseline, mixed } }: { measured: Measured }) {
  return (
    <Panel title={t.experiments.total}>
      <p class="quiet">{t.experiments.baseline(baseline)}</p>
      {mixed > 0 && <p class="quiet">{t.experiments.mixed(mixed)}</p>}
      {Object.entries(total).map(([arm, figures]) => (
        <section key={arm} class="arm" data-testid={`arm-${arm}`}>
          <h3>{arm}</h3>
          <dl class="facts">
            {(['users', 'exposures', 'clicks', 'clickers'] as const).map((name) => (
              <div key={name}>
                <dt>{t.experiments[name]}</dt>
                <dd>{number(figures[name])}</dd>
              </div>
            ))}
            {METRICS.map((metric) => (
              <div key={metric}>
                <dt>{t.experiments.metric[metric]}</dt>
                <dd>
                  {estimated(figures[metric], shownAs[metric])}
                  {against[arm] && against[arm][metric].percent.value !== null && (
                    <span class="quiet">
                      {' '}
                      {t.experiments.against(
                        estimated(against[arm][metric].percent, (value) => signedPercent(value / 100)),
                      )}
                    </span>
                  )}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Panel>
  )
}

/** What each arm had of a metric on each day on which anybody saw anything. */
export const seriesOf = (
  { days, total }: Pick<Measured, 'days' | 'total'>,
  metric: Metric,
): readonly Series[] =>
  Object.keys(total).map((arm) => ({
    name: arm,
    values: days.flatMap(({ day, arms }) => {
      const { value, ci95 } = arms[arm]?.[metric] ?? { value: null, ci95: null }
      return value === null ? [] : [{ x: day, value, interval: ci95 }]
    }),
  }))

function Days({ measured }: { measured: Measured }) {
  const { days, total, dayMs } = measured
  return (
    <Panel title={t.experiments.perDay}>
      {days.length === 0 ? (
        <p>{t.experiments.noFigures}</p>
      ) : (
        METRICS.map((metric) => (
          <IntervalPlot
            key={metric}
            title={t.experiments.metric[metric]}
            summary={t.experiments.summary(days.length, Object.keys(total).length)}
            series={seriesOf(measured, metric)}
            shown={shownAs[metric]}
            named={(x) => day(x * dayMs)}
            words={{
              x: t.experiments.day,
              series: t.experiments.arms,
              value: t.experiments.value,
              interval: t.experiments.interval,
            }}
          />
        ))
      )}
    </Panel>
  )
}
