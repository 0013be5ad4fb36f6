// Models: opencode's notation and the watcher's.

import { isObject, isText } from "./values.js";

export const nameOf = (model) => `${model.providerID}/${model.modelID}`;
export const modelOf = ({ provider, model }) => ({ providerID: provider, modelID: model });

/** Return the model that two notations of opencode's mean, or null. */
export const modelIn = (told) =>
  isText(told?.providerID) && isText(told.modelID)
    ? { providerID: told.providerID, modelID: told.modelID }
    : null;

export const isRoute = (value) => isText(value?.provider) && isText(value?.model);

/** Tell whether opencode has that model; another one would end the turn. */
export const isOffered = ({ providers }, { providerID, modelID }) =>
  providers.some(({ id, models }) => id === providerID && isObject(models) && modelID in models);
