// The only module that names the base package. The build makes a second copy of the package in which it says "cdktn".
export {
  type IResolvable,
  type TerraformMetaArguments,
  TerraformProvider,
  TerraformResource,
  TerraformStack,
  Token,
} from "cdktf";
