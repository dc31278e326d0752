// @photoncloud/sdk/testing: what a program that uses the SDK needs to be tested without a cloud. It imports neither msw nor nock.
export { MockCloud, mockCloud } from "./mock-cloud.ts";
export {
  type AnswerOf,
  errorReply,
  type KindName,
  listReply,
  type Reply,
  resourceReply,
  tokenReply,
} from "./replies.ts";
