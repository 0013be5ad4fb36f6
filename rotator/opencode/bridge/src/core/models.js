// Models: opencode's notation and the watcher's.

import { isObject, isString } from "./values.js";

/**
 * A model as opencode names it.
 * @typedef {{ providerID: string, modelID: string }} Model
 */

/**
 * A model as the watcher names it; `instead` are models in place of those of other providers.
 * @typedef {{ provider: string, model: string, instead?: Record<string, string | null> }} Route
 */

/** @param {Model} model */
export const modelName = (model) => `${model.providerID}/${model.modelID}`;

/**
 * @param {Route} route
 * @returns {Model}
 */
export const modelOfRoute = ({ provider, model }) => ({ providerID: provider, modelID: model });

/**
 * Return the model that two notations of opencode's mean, or null.
 *
 * @param {any} told
 * @returns {Model | null}
 */
export const parseModel = (told) =>
  isString(told?.providerID) && isString(told.modelID)
    ? { providerID: told.providerID, modelID: told.modelID }
    : null;

/**
 * @param {any} value
 * @returns {value is Route}
 */
export const isRoute = (value) => isString(value?.provider) && isString(value?.model);

/**
 * Tell whether opencode has that model; another one would end the turn.
 *
 * @param {{ providers: { id: string, models: unknown }[] }} offered
 * @param {Model} model
 */
export const isOffered = ({ providers }, { providerID, modelID }) =>
  providers.some(({ id, models }) => id === providerID && isObject(models) && modelID in models);
