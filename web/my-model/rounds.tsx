import type { Round } from '../../shared/protocol.ts'
import { Panel } from '../parts.tsx'
import { auc, duration, fixed, keptOf, moment, number, outcome, size } from '../phrases.ts'
import { t } from '../strings/index.ts'
import { CoursePlot, LossPlot, ScorePlot } from './plots.tsx'
import { Costs, Differences } from './tables.tsx'

/** The last round in full. */
export function LastRound({ round }: { round: Round }) {
  const trained = round.losses.length > 0
  return (
    <Panel title={t.round.last}>
      <div
        data-testid="round"
        data-outcome={round.outcome}
        data-before={round.before ?? ''}
        data-after={round.after ?? ''}
        data-kept={round.kept}
        data-engine={round.engine}
        data-ms={round.ms}
      >
        <p class="lead">{outcome(round)}</p>
        {round.failure && (
          <p class="quiet" lang="en">
            {round.failure.message}
          </p>
        )}
        <p class="quiet">
          {t.round.facts(moment(round.at), duration(round.ms), round.engine, size(round.bytes))}
        </p>
        {round.resumed !== undefined && <p>{t.round.resumed(round.resumed)}</p>}
        {round.fellBack && <p>{t.round.fellBack(auc(round.fellBack.m0), auc(round.fellBack.m))}</p>}
        <dl class="figures">
          <Figure name={t.round.quality} value={t.app.change(auc(round.before), auc(round.after))} />
          {round.loss && (
            <Figure
              name={t.round.logLoss}
              value={t.app.change(fixed(round.loss.before, 3), fixed(round.loss.after, 3))}
            />
          )}
          <Figure name={t.round.keptOfScored} value={keptOf(round)} />
          <Figure name={t.round.received} value={number(round.matched)} />
          <Figure name={t.round.classifying} value={number(round.classifying)} />
          <Figure
            name={t.round.own}
            value={`${number(round.local.training)} + ${number(round.local.validation)}`}
          />
          <Figure name={t.round.steps} value={t.round.of(round.stepsKept, round.steps)} />
        </dl>
        <p class="quiet">{t.round.auc}</p>
        {round.refit !== undefined && <p class="quiet">{t.round.refit(round.refit)}</p>}
        <div class="plots">
          {round.course && round.course.length > 1 && (
            <CoursePlot course={round.course} byLoss={round.loss !== undefined} />
          )}
          {trained && <LossPlot losses={round.losses} />}
          {round.scores.length > 0 && (
            <ScorePlot scores={round.scores} sigma={round.sigma} kept={round.kept} />
          )}
          {round.differences && <Differences differences={round.differences} />}
        </div>
      </div>
    </Panel>
  )
}

/** Rounds whose cost is told. */
const COSTS = 8

/** What the last rounds took of the device. */
export function LastCosts({ rounds }: { rounds: readonly Round[] }) {
  return (
    <Panel title={t.myModel.costs}>
      <Costs rounds={rounds.slice(0, COSTS)} />
    </Panel>
  )
}

/** All earlier rounds, in short. */
export function PastRounds({ rounds }: { rounds: readonly Round[] }) {
  return (
    <Panel title={t.round.earlier}>
      <ol class="rounds">
        {rounds.map((round) => (
          <li key={round.at}>
            <span>
              {moment(round.at)}: <b>{t.round.short[round.outcome]}</b>
            </span>
            <span class="quiet">{inShort(round)}</span>
          </li>
        ))}
      </ol>
    </Panel>
  )
}

function inShort(round: Round): string {
  const [kept, took] = [keptOf(round), duration(round.ms)]
  if (round.after === null) return t.round.inShort(kept, took)
  return t.round.inShortJudged(t.app.change(auc(round.before), auc(round.after)), kept, took)
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
