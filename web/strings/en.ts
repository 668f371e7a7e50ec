/** Everything that the page says, in English: the source, whose shape every other language has. */
import type { FailureCode } from '../../shared/failure.ts'

export const en = {
  app: {
    name: 'Kindred',
    skip: 'Skip to the content',
    views: 'Views',
    feed: 'Feed',
    myModel: 'My model',
    settings: 'Settings',
    loading: 'Loading…',
    notLoaded: 'This part of the app could not be loaded.',
    reload: 'Reload',
    reloadPage: 'Reload the page',
    again: 'Try again',
    newVersion: 'A new version is ready.',
  },
  item: {
    title: 'Item',
    back: 'Back to the feed',
    gone: 'This is not in the catalogue that the device has now.',
  },
  settings: {},
  failure: {
    cancelled: 'That was stopped.',
    'bad-input': 'Something arrived that does not fit.',
    'bad-artifact': 'A file arrived damaged, and was not used.',
    diverged: 'Training went astray, and its result was thrown away.',
    engine: 'This browser could not do the computing.',
    offline: 'The server cannot be reached.',
    refused: 'The server said no.',
    unauthorised: 'The server does not know this device any more.',
    storage: 'The storage of this device failed.',
    'not-ready': 'There is no model on this device yet.',
    version: 'A newer version of the app is needed.',
    worker: 'The part of the app that learns has stopped.',
  } satisfies Record<FailureCode, string>,
}

export type Strings = typeof en
