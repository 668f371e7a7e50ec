/** Whether others may learn from the user's samples: the switch, and what it does. */
import { useState } from 'preact/hooks'
import { type Failure, toFailure } from '../../shared/failure.ts'
import type { DeviceApi, Status } from '../../shared/protocol.ts'
import { Fault, Panel } from '../parts.tsx'

interface SharingProps {
  device: Pick<DeviceApi, 'share'>
  sharing: Status['sharing']
}

export function Sharing({ device, sharing }: SharingProps) {
  const [failure, setFailure] = useState<Failure | null>(null)
  const share = (on: boolean) => {
    setFailure(null)
    device.share({ on }).catch((error) => setFailure(toFailure(error)))
  }
  return (
    <Panel title="What others learn from you">
      <label class="switch">
        <input
          type="checkbox"
          data-testid="sharing"
          aria-describedby="sharing-text"
          checked={sharing.on}
          onChange={({ currentTarget }) => share(currentTarget.checked)}
        />
        <span>Let kindred users learn from my samples (without my name)</span>
      </label>
      <p id="sharing-text" class="quiet">
        A sample says what was shown, whether it was opened, what else was opened in the days before, and the
        day. It goes to a few hundred devices of people with a taste like yours, at most; somebody who knows
        some of what you read could recognise you in it. Switched off, the server hands out none of yours any
        more, and what it learns from next has none of yours in it. What others have received stays with them
        until it is used up. You get borrowed samples either way.
      </p>
      <p role="status">{!sharing.told && 'The server is still to be told, as soon as it can be reached.'}</p>
      {failure && <Fault failure={failure} />}
    </Panel>
  )
}
