{
  description = "PhotonCloud: a development shell with everything that the tests and the backends need";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { nixpkgs, ... }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      forEach = nixpkgs.lib.genAttrs systems;
    in
    {
      devShells = forEach (
        system:
        let
          pkgs = nixpkgs.legacyPackages.${system};
          everywhere = with pkgs; [
            nodejs_24
            opentofu
            buf
            postgresql
            qemu
            curl
            git
          ];
          # Open vSwitch and OVN drive the Linux network stack; there is nothing to drive elsewhere.
          onLinux = with pkgs; [
            ovn
            openvswitch
            iproute2
            ethtool
            iputils
            tcpdump
            # Its one program alone: its applets would take the place of the usual commands.
            (writeShellScriptBin "busybox" "exec ${busybox}/bin/busybox \"$@\"")
          ];
        in
        {
          default = pkgs.mkShell {
            packages = everywhere ++ pkgs.lib.optionals pkgs.stdenv.isLinux onLinux;
            # CDKTF and Terraform otherwise ask their makers for news at every start.
            CHECKPOINT_DISABLE = "1";
          };
        }
      );
      formatter = forEach (system: nixpkgs.legacyPackages.${system}.nixfmt-rfc-style);
    };
}
