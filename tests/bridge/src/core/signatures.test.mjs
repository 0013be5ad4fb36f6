import assert from "node:assert/strict";
import { test } from "node:test";

import { isSigned } from "../../../../rotator/opencode/bridge/src/core/signatures.js";

const is = (headers, query = "") => isSigned({ headers, query: new URLSearchParams(query) });

test("a signature in a header, in the address or in a scheme is one", () => {
  for (const name of [
    ...["Signature-Input", "x-amz-content-sha256", "DPoP", "x-sig", "api_hmac", "x-client-proof"],
    ...["x-attestation", "x-request-sha256", "x-auth-sha1", "xsign", "x-body-hash", "x-md5"],
  ])
    assert.equal(is({ [name]: "a" }), true, name);
  assert.equal(is({}, "X-Amz-Signature=0a"), true);
  for (const value of [
    "AWS4-HMAC-SHA256 x",
    "Signature keyId",
    "SharedKey a:b",
    "Odd a=1,b=2",
    "a;b",
  ])
    assert.equal(is({ accept: "*/*", Authorization: value }), true, value);
});

test("what names a thing is no signature", () => {
  for (const name of [
    ...["x-mac-address", "x-prompt-hash", "x-machine-hash", "git-commit_sha256", "Content-MD5"],
    ...["x-shape", "x-proofread", "x-assign"],
  ])
    assert.equal(is({ [name]: "a" }), false, name);
});

test("a token is no signature, whatever its parts look like", () => {
  for (const value of ["Bearer a,b=c", "token a&b", "Basic YTpi=", "CANARY"])
    assert.equal(is({ authorization: value }, "key=1"), false, value);
  assert.equal(is({ "x-design": "a", accept: "*/*" }), false);
  assert.equal(is({ "Content-Digest": "sha-256=:a:", digest: "a" }), false);
});
