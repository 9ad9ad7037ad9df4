# Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT
# Completion for bash. Options come from the command's own help.

# The models that are installed.
_kolinsky_models ()
{
  ls "${XDG_DATA_HOME:-$HOME/.local/share}/kolinsky/models" 2>/dev/null | grep -v '\.lock$'
}

_kolinsky ()
{
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} before=${COMP_WORDS[COMP_CWORD - 1]}

  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W 'devices train search evaluate classify maximize style style-train style-apply models run info export runs plot verify tune bench --help --version' -- "$word"))
    return
  fi
  case $before in
    -m | --model | --weights) COMPREPLY=($(compgen -W "$(_kolinsky_models)" -- "$word") $(compgen -f -- "$word")); return ;;
    --optimizer)
      [ "$command" = style ] && before='adam lbfgs' || before='sgd adam adamw rmsprop'
      COMPREPLY=($(compgen -W "$before" -- "$word")); return ;;
    --memory) COMPREPLY=($(compgen -W 'normal low' -- "$word")); return ;;
    --peer) COMPREPLY=($(compgen -W 'torch onnxruntime tinygrad' -- "$word")); return ;;
    --colours) COMPREPLY=($(compgen -W 'style keep match' -- "$word")); return ;;
    --measure) COMPREPLY=($(compgen -W 'normal gram' -- "$word")); return ;;
    --part) COMPREPLY=($(compgen -W 'train validation test' -- "$word")); return ;;
    --network) COMPREPLY=($(compgen -W 'vgg16 vgg19 squeezenet1.1 resnet18 efficientnet-lite0' -- "$word")); return ;;
  esac
  case $command:$word in
    *:-*)
      COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "$command" --help 2>/dev/null \
        | grep -o -- '--[a-z][a-z-]*' | sort -u)" -- "$word")) ;;
    plot:*)
      COMPREPLY=($(compgen -W "$(ls "${XDG_DATA_HOME:-$HOME/.local/share}/kolinsky/runs" 2>/dev/null)" \
        -- "$word") $(compgen -d -- "$word")) ;;
    export:*)
      COMPREPLY=($(compgen -W "$(_kolinsky_models; ls "${XDG_DATA_HOME:-$HOME/.local/share}/kolinsky/runs" 2>/dev/null)" \
        -- "$word") $(compgen -f -- "$word")) ;;
    info:* | maximize:*)
      COMPREPLY=($(compgen -W "$(_kolinsky_models; ls "${XDG_DATA_HOME:-$HOME/.local/share}/kolinsky/runs" 2>/dev/null)" \
        -- "$word") $(compgen -f -- "$word")) ;;
    run:*)
      COMPREPLY=($(compgen -f -X '!*.onnx' -- "$word") $(compgen -d -- "$word")) ;;
    models:*)
      case $before in
        models) COMPREPLY=($(compgen -W 'list get add remove' -- "$word")) ;;
        get | --like) COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" models --json 2>/dev/null \
          | sed -n 's/^    "name": "\(.*\)",$/\1/p')" -- "$word")) ;;
        remove) COMPREPLY=($(compgen -W "$(_kolinsky_models)" -- "$word")) ;;
      esac ;;
    train:* | search:*) [ "$before" = "$command" ] && COMPREPLY=($(compgen -W 'digits logistic mlp small-resnet' -- "$word")) ;;
    tune:*) COMPREPLY=($(compgen -W 'digits logistic mlp small-resnet vgg16 vgg19 squeezenet1.1 resnet18 efficientnet-lite0' -- "$word")) ;;
    bench:*) [ "$before" = bench ] && COMPREPLY=($(compgen -W 'peak bandwidth matmul conv digits vgg16 style lite0 model all' -- "$word")) ;;
  esac
}
complete -o default -F _kolinsky kolinsky
