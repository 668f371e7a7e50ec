import '../style/panels.css'
import '../style/my-model.css'
import { useState } from 'preact/hooks'
import { type Failure, toFailure } from '../../shared/error.ts'
import type { DeviceApi, Status } from '../../shared/protocol.ts'
import type { Feed } from '../feed/feed.ts'
import { Fault, Icon, ViewTitle } from '../parts.tsx'
import { nextRound, origin, runPhase } from '../phrases.ts'
import { useStore } from '../store.ts'
import { t } from '../strings/index.ts'
import { ChangedOrder } from './changed-order.tsx'
import { LastCosts, LastRound, PastRounds } from './rounds.tsx'
import { Samples } from './samples.tsx'
import { Models, Stored } from './stored.tsx'

export interface MyModelProps {
  device: DeviceApi
  feed: Feed
  status: Status | null
}

/** What the device holds and does for its user, and the buttons over it. */
export function MyModel({ device, feed, status }: MyModelProps) {
  const state = useStore(feed.state)
  const noun = state.phase === 'ready' ? state.catalogue.noun : 'story'
  return (
    <div class="panels my-model">
      <ViewTitle>{t.app.myModel}</ViewTitle>
      {!status && state.phase === 'failed' && (
        <Fault failure={state.failure} retry={() => void feed.start()} />
      )}
      {!status && state.phase !== 'failed' && <p class="quiet">{t.myModel.starting}</p>}
      {status && (
        <>
          <Overview device={device} status={status} noun={noun} />
          <ChangedOrder device={device} feed={feed} />
          {status.rounds[0] && <LastRound round={status.rounds[0]} />}
          <Models device={device} status={status} />
          {status.rounds.length > 0 && <LastCosts rounds={status.rounds} />}
          <Stored status={status} />
          {status.rounds.length > 1 && <PastRounds rounds={status.rounds.slice(1)} />}
        </>
      )}
      {status && state.phase === 'ready' && (
        <Samples
          device={device}
          catalogue={state.catalogue}
          counts={{ own: status.samples.local, borrowed: status.samples.matched }}
        />
      )}
    </div>
  )
}

function Overview({ device, status, noun }: { device: DeviceApi; status: Status; noun: string }) {
  const [failure, setFailure] = useState<Failure | null>(null)
  const run = runPhase(status.run)
  const act = (call: () => Promise<unknown>) => {
    setFailure(null)
    call().catch((error) => setFailure(toFailure(error)))
  }
  return (
    <section class="panel overview" aria-label={t.myModel.now}>
      <p class="lead">{headline(status)}</p>
      {run ? (
        <div class="run">
          <p id="run-text">{run.text}</p>
          {run.fraction === null ? (
            <progress aria-labelledby="run-text" />
          ) : (
            <progress aria-labelledby="run-text" value={run.fraction} max={1} />
          )}
        </div>
      ) : (
        <p>{nextRound(status.waitingFor, noun) ?? t.waiting.nothing}</p>
      )}
      <div class="actions">
        <button
          type="button"
          class="button primary"
          disabled={run !== null || !status.serving}
          onClick={() => act(() => device.train(null))}
        >
          <Icon name="train" /> {t.myModel.train}
        </button>
      </div>
      {failure && <Fault failure={failure} />}
      {!failure && status.failure && status.online && <Fault failure={status.failure} />}
    </section>
  )
}

function headline(status: Status): string {
  switch (origin(status)) {
    case 'own':
      return t.myModel.own(status.serving!.version)
    case 'delivered':
      return t.myModel.delivered
    case 'none':
      return status.online ? t.myModel.onItsWay : t.myModel.noneOffline
  }
}
