import type { Round } from '../../shared/protocol.ts'
import { Panel } from '../parts.tsx'
import { auc, countOf, duration, keptOf, outcome, size } from '../phrases.ts'
import { LossPlot, ScorePlot } from './plots.tsx'

const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** The last round in full. */
export function LastRound({ round, noun }: { round: Round; noun: string }) {
  const trained = round.losses.length > 0
  return (
    <Panel title="Last round">
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
        <p class="quiet">
          {when.format(round.at)} · {duration(round.ms)} on <code>{round.engine}</code> · {size(round.bytes)}{' '}
          downloaded
        </p>
        {round.resumed !== undefined && (
          <p>
            It went on with a training that had been cut off after {countOf(round.resumed, 'mini-batch')}.
          </p>
        )}
        {round.fellBack && (
          <p>
            Before it, the delivered model took the place of yours: on your latest samples it was the better
            one ({auc(round.fellBack.m0)} to {auc(round.fellBack.m)}).
          </p>
        )}
        <dl class="figures">
          <Figure name="Quality before → after" value={`${auc(round.before)} → ${auc(round.after)}`} />
          {round.loss && (
            <Figure
              name="Log-loss before → after"
              value={`${round.loss.before.toFixed(3)} → ${round.loss.after.toFixed(3)}`}
            />
          )}
          <Figure name="Samples kept of scored" value={keptOf(round)} />
          <Figure name="Borrowed samples received" value={round.matched} />
          <Figure name="of those, trained the classifier" value={round.classifying} />
          <Figure
            name="Own samples, training + validation"
            value={`${round.local.training} + ${round.local.validation}`}
          />
          <Figure name="Mini-batches kept of run" value={`${round.stepsKept} of ${round.steps}`} />
        </dl>
        <p class="quiet">
          Quality is the AUC on your own latest samples: how often a {noun} that you opened is placed above
          one that you passed by. 0.5 is chance, 1 is always.
        </p>
        {round.refit !== undefined && (
          <p class="quiet">
            Then it learnt anew, from the samples too that it was judged by: the last{' '}
            {countOf(round.refit, 'mini-batch')}. Nothing is left to judge that by.
          </p>
        )}
        <div class="plots">
          {trained && <LossPlot losses={round.losses} />}
          {round.scores.length > 0 && (
            <ScorePlot scores={round.scores} sigma={round.sigma} kept={round.kept} />
          )}
        </div>
      </div>
    </Panel>
  )
}

/** All earlier rounds, in short. */
export function PastRounds({ rounds }: { rounds: readonly Round[] }) {
  return (
    <Panel title="Earlier rounds">
      <ol class="rounds">
        {rounds.map((round) => (
          <li key={round.at}>
            <span>
              {when.format(round.at)}: <b>{words[round.outcome]}</b>
            </span>
            <span class="quiet">
              {round.after !== null && `quality ${auc(round.before)} → ${auc(round.after)} · `}
              kept {keptOf(round)} · {duration(round.ms)}
            </span>
          </li>
        ))}
      </ol>
    </Panel>
  )
}

const words = {
  committed: 'a better model',
  kept: 'no better',
  filtered: 'samples chosen only',
  failed: 'stopped by a failure',
} satisfies Record<Round['outcome'], string>

function Figure({ name, value }: { name: string; value: string | number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
