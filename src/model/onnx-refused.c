/* Copyright: the Kolinsky authors. SPDX-License-Identifier: MIT */

/*
 * Operators of ONNX's that are known, but not here, and why.
 */

#include "onnx-private.h"

#define TRAINING "it trains; Kolinsky reads networks to use"
#define RANDOM "it is random; Kolinsky reads networks to use"
#define QUANTIZED "it computes with quantized numbers; Kolinsky computes in float32"
#define SEQUENCE "it works on sequences of tensors; Kolinsky has tensors alone"
#define TEXT "it works on text"
#define LOOP "it loops; Kolinsky has no loops that are not unrolled"
#define REFUSED(name, reason)                                                                      \
  {                                                                                                \
    name, 0, NULL, .why = reason                                                                   \
  }

const KolOnnxOp kol_onnx_refused_ops[] = {
  REFUSED ("Bernoulli", RANDOM),
  REFUSED ("BitShift", "it shifts the bits of whole numbers; Kolinsky computes in float32"),
  REFUSED ("ConcatFromSequence", SEQUENCE),
  REFUSED ("ConvInteger", QUANTIZED),
  REFUSED ("DequantizeLinear", QUANTIZED),
  REFUSED ("DynamicQuantizeLinear", QUANTIZED),
  REFUSED ("Loop", LOOP),
  REFUSED ("MatMulInteger", QUANTIZED),
  REFUSED ("Multinomial", RANDOM),
  REFUSED ("Optional", SEQUENCE),
  REFUSED ("OptionalGetElement", SEQUENCE),
  REFUSED ("OptionalHasElement", SEQUENCE),
  REFUSED ("QLinearConv", QUANTIZED),
  REFUSED ("QLinearMatMul", QUANTIZED),
  REFUSED ("QuantizeLinear", QUANTIZED),
  REFUSED ("RandomNormal", RANDOM),
  REFUSED ("RandomNormalLike", RANDOM),
  REFUSED ("RandomUniform", RANDOM),
  REFUSED ("RandomUniformLike", RANDOM),
  REFUSED ("Scan", LOOP),
  REFUSED ("SequenceAt", SEQUENCE),
  REFUSED ("SequenceConstruct", SEQUENCE),
  REFUSED ("SequenceEmpty", SEQUENCE),
  REFUSED ("SequenceErase", SEQUENCE),
  REFUSED ("SequenceInsert", SEQUENCE),
  REFUSED ("SequenceLength", SEQUENCE),
  REFUSED ("SequenceMap", SEQUENCE),
  REFUSED ("SplitToSequence", SEQUENCE),
  REFUSED ("StringNormalizer", TEXT),
  REFUSED ("TfIdfVectorizer", TEXT),
  { NULL },
};
