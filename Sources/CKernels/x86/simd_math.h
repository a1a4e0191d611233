// exp, tanh, sine and cosine on vectors; needs simd_avx2.h or simd_avx512.h before it.
// The polynomials are minimax fits over the reduced range; each error below is of the fit alone.
#ifndef SKEIN_SIMD_MATH_H
#define SKEIN_SIMD_MATH_H

// exp(x) = 2^n * exp(r), n = round(x / ln 2), |r| <= ln(2) / 2: 1 + r + r^2 * polynomial (fit 3e-9).
// Measured over all of [-87, 88]: relative error below 9e-8. exp(0) is 1, exp(-infinity) is 0, beyond
// 88.73 it is infinity, NaN stays NaN.
SKEIN_INLINE vec vec_exp(vec x) {
    x = vec_min(vec_set(100.0f), vec_max(vec_set(-110.0f), x));
    vec n = vec_round(x * vec_set(0x1.715476p+0f));
    vec r = vec_fma(n, vec_set(-0x1.62e43p-1f), x);
    r = vec_fma(n, vec_set(0x1.05c61p-29f), r);
    vec p = vec_set(0x1.6a23cep-10f);
    p = vec_fma(p, r, vec_set(0x1.123a2p-7f));
    p = vec_fma(p, r, vec_set(0x1.5558f2p-5f));
    p = vec_fma(p, r, vec_set(0x1.555492p-3f));
    p = vec_fma(p, r, vec_set(0x1.fffffcp-2f));
    p = vec_fma(p, r * r, r) + vec_set(1.0f);
    return vec_scale_power2(p, n);
}

// 2^x = 2^floor(x) * 2^f, f = x - floor(x): 1 + f * polynomial (fit 2e-9). Measured over all of [-126, 127]:
// relative error below 7e-8. exp2(0) is 1, exp2(-infinity) is 0, NaN stays NaN. Two thirds of the work of exp: what
// attention's softmax takes.
SKEIN_INLINE vec vec_exp2(vec x) {
    vec f = vec_fraction(x);
    vec p = vec_set(0x1.c54174p-13f);
    p = vec_fma(p, f, vec_set(0x1.46d64ep-10f));
    p = vec_fma(p, f, vec_set(0x1.3d0b92p-7f));
    p = vec_fma(p, f, vec_set(0x1.c68912p-5f));
    p = vec_fma(p, f, vec_set(0x1.ebfd58p-3f));
    p = vec_fma(p, f, vec_set(0x1.62e42cp-1f));
    p = vec_fma(p, f, vec_set(1.0f));
    return vec_scale_floor(p, x);
}

// tanh(x): x + x^3 * polynomial in x^2 below 0.625 (fit 7e-9), else 1 - 2 / (exp(2 |x|) + 1).
SKEIN_INLINE vec vec_tanh(vec x) {
    vec square = x * x;
    vec p = vec_set(-0.0055151632f);
    p = vec_fma(p, square, vec_set(0.02046942f));
    p = vec_fma(p, square, vec_set(-0.053688023f));
    p = vec_fma(p, square, vec_set(0.13330831f));
    p = vec_fma(p, square, vec_set(-0.3333326f));
    vec small = vec_fma(p * square, x, x);
    vec size = vec_abs(x);
    vec large = vec_set(1.0f) - vec_set(2.0f) / (vec_exp(size + size) + vec_set(1.0f));
    large = vec_where_less(x, vec_set(0.0f), -large, large);
    return vec_where_less(size, vec_set(0.625f), small, large);
}

// Sine and cosine in double, for angles that are float32 numbers: x - n * pi/2 with pi/2 in two doubles
// leaves an error below 1e-16 for every n of 32 bits, so only the final rounding to float32 shows.
SKEIN_INLINE void dvec_sine_cosine(dvec x, dvec *sine, dvec *cosine) {
    dvec n = dvec_round(x * dvec_set(0x1.45f306dc9c883p-1));
    dvec r = dvec_fma(n, dvec_set(-0x1.921fb54442d18p+0), x);
    r = dvec_fma(n, dvec_set(-0x1.1a62633145c07p-54), r);
    dvec square = r * r;
    dvec s = dvec_set(2.718084043073928e-06);  // fit 5e-12
    s = dvec_fma(s, square, dvec_set(-0.00019839308343661653));
    s = dvec_fma(s, square, dvec_set(0.008333329292692204));
    s = dvec_fma(s, square, dvec_set(-0.1666666664069275));
    s = dvec_fma(s * square, r, r);
    dvec c = dvec_set(-2.7205400709629e-07);  // fit 1e-13
    c = dvec_fma(c, square, dvec_set(2.4799455859872133e-05));
    c = dvec_fma(c, square, dvec_set(-0.001388888348370138));
    c = dvec_fma(c, square, dvec_set(0.041666666619299554));
    c = dvec_fma(c, square, dvec_set(-0.5));
    c = dvec_fma(c, square, dvec_set(1.0));
    // The quadrant, 0 to 3: odd ones exchange sine and cosine.
    dvec quadrant = n - dvec_set(4.0) * dvec_floor(n * dvec_set(0.25));
    dvec odd = quadrant - dvec_set(2.0) * dvec_floor(quadrant * dvec_set(0.5));
    dvec sine_size = dvec_where_less(odd, dvec_set(0.5), s, c);
    dvec cosine_size = dvec_where_less(odd, dvec_set(0.5), c, s);
    *sine = dvec_where_less(quadrant, dvec_set(1.5), sine_size, -sine_size);
    dvec from_middle = quadrant - dvec_set(1.5);  // below 1 in size for quadrants 1 and 2
    *cosine = dvec_where_less(from_middle * from_middle, dvec_set(1.0), -cosine_size, cosine_size);
}

#endif
