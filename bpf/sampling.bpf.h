/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which allocations are followed: a Poisson process over the bytes each thread allocates, so that
 * an allocation of s bytes is sampled with probability 1 - exp(-s/R), R the mean bytes between
 * samples, whatever was allocated before it. Each sampled one then stands for 1/(1 - exp(-s/R)) of
 * its kind, which makes every sum unbiased (Horvitz and Thompson, 1952).
 *
 * BPF has no floating point: logarithm and exponential come from tables of 257 points with linear
 * interpolation, relative error below 4e-6 (tests/unit/kernel). The arithmetic is free of kernel
 * helpers, so that the tests compile it natively.
 */
#ifndef SEEP_SAMPLING_BPF_H
#define SEEP_SAMPLING_BPF_H

#define WEIGHT_ONE (1ULL << 32)

/* log2(1 + i/256) * 2^31 */
static const u32 log2_table[257] = {
    0x00000000, 0x00b84e23, 0x016fe50b, 0x0226c623, 0x02dcf2d1, 0x03926c77, 0x04473475, 0x04fb4c25,
    0x05aeb4dd, 0x06616ff1, 0x07137eae, 0x07c4e261, 0x08759c50, 0x0925adbf, 0x09d517ef, 0x0a83dc1b,
    0x0b31fb7d, 0x0bdf774b, 0x0c8c50b7, 0x0d3888f0, 0x0de42120, 0x0e8f1a72, 0x0f397609, 0x0fe33508,
    0x108c588d, 0x1134e1b5, 0x11dcd197, 0x1284294b, 0x132ae9e2, 0x13d1146e, 0x1476a9fa, 0x151bab90,
    0x15c01a3a, 0x1663f6fb, 0x170742d5, 0x17a9fec8, 0x184c2bd0, 0x18edcae8, 0x198edd07, 0x1a2f6323,
    0x1acf5e2e, 0x1b6ecf17, 0x1c0db6ce, 0x1cac163c, 0x1d49ee4c, 0x1de73fe4, 0x1e840be7, 0x1f205339,
    0x1fbc16b9, 0x20575745, 0x20f215b7, 0x218c52eb, 0x22260fb6, 0x22bf4ced, 0x23580b65, 0x23f04bee,
    0x24880f56, 0x251f566b, 0x25b621f9, 0x264c72c7, 0x26e2499d, 0x2777a741, 0x280c8c76, 0x28a0f9fe,
    0x2934f098, 0x29c87102, 0x2a5b7bf9, 0x2aee1236, 0x2b803474, 0x2c11e368, 0x2ca31fc9, 0x2d33ea49,
    0x2dc4439b, 0x2e542c70, 0x2ee3a575, 0x2f72af59, 0x30014ac6, 0x308f7868, 0x311d38e6, 0x31aa8ce7,
    0x32377512, 0x32c3f20a, 0x33500472, 0x33dbaceb, 0x3466ec15, 0x34f1c28e, 0x357c30f3, 0x360637e0,
    0x368fd7ee, 0x371911b8, 0x37a1e5d4, 0x382a54d8, 0x38b25f5a, 0x393a05ee, 0x39c14924, 0x3a482990,
    0x3acea7c0, 0x3b54c444, 0x3bda7fa9, 0x3c5fda7a, 0x3ce4d544, 0x3d697090, 0x3dedace6, 0x3e718acf,
    0x3ef50ad2, 0x3f782d72, 0x3ffaf335, 0x407d5c9e, 0x40ff6a2e, 0x41811c68, 0x420273ca, 0x428370d4,
    0x43041403, 0x43845dd5, 0x44044ec5, 0x4483e74e, 0x450327eb, 0x45821112, 0x4600a33e, 0x467edee4,
    0x46fcc47a, 0x477a5476, 0x47f78f4c, 0x4874756f, 0x48f10751, 0x496d4563, 0x49e93016, 0x4a64c7da,
    0x4ae00d1d, 0x4b5b004d, 0x4bd5a1d8, 0x4c4ff228, 0x4cc9f1ab, 0x4d43a0c9, 0x4dbcffee, 0x4e360f81,
    0x4eaecfeb, 0x4f274192, 0x4f9f64de, 0x50173a35, 0x508ec1fa, 0x5105fc93, 0x517cea63, 0x51f38bcb,
    0x5269e12f, 0x52dfeaf0, 0x5355a96d, 0x53cb1d07, 0x5440461c, 0x54b5250c, 0x5529ba33, 0x559e05ee,
    0x5612089a, 0x5685c293, 0x56f93433, 0x576c5dd4, 0x57df3fd0, 0x5851da81, 0x58c42e3d, 0x59363b5e,
    0x59a80239, 0x5a198326, 0x5a8abe79, 0x5afbb489, 0x5b6c65aa, 0x5bdcd22f, 0x5c4cfa6c, 0x5cbcdeb4,
    0x5d2c7f59, 0x5d9bdcad, 0x5e0af6ff, 0x5e79cea2, 0x5ee863e5, 0x5f56b717, 0x5fc4c886, 0x60329882,
    0x60a02757, 0x610d7553, 0x617a82c3, 0x61e74ff2, 0x6253dd2c, 0x62c02abc, 0x632c38ed, 0x63980809,
    0x64039858, 0x646eea24, 0x64d9fdb7, 0x6544d356, 0x65af6b4b, 0x6619c5db, 0x6683e34f, 0x66edc3eb,
    0x675767f5, 0x67c0cfb3, 0x6829fb69, 0x6892eb5c, 0x68fb9fce, 0x69641904, 0x69cc5741, 0x6a345ac6,
    0x6a9c23d6, 0x6b03b2b2, 0x6b6b079c, 0x6bd222d4, 0x6c39049b, 0x6c9fad30, 0x6d061cd3, 0x6d6c53c2,
    0x6dd2523d, 0x6e381882, 0x6e9da6ce, 0x6f02fd60, 0x6f681c73, 0x6fcd0445, 0x7031b512, 0x70962f16,
    0x70fa728c, 0x715e7faf, 0x71c256ba, 0x7225f7e8, 0x72896373, 0x72ec9993, 0x734f9a83, 0x73b2667b,
    0x7414fdb5, 0x74776067, 0x74d98eca, 0x753b8916, 0x759d4f81, 0x75fee242, 0x76604191, 0x76c16da3,
    0x772266ad, 0x77832ce6, 0x77e3c082, 0x784421b7, 0x78a450b8, 0x79044dbb, 0x796418f2, 0x79c3b292,
    0x7a231ace, 0x7a8251d8, 0x7ae157e3, 0x7b402d22, 0x7b9ed1c7, 0x7bfd4603, 0x7c5b8a07, 0x7cb99e06,
    0x7d17822f, 0x7d7536b4, 0x7dd2bbc4, 0x7e30118f, 0x7e8d3846, 0x7eea3017, 0x7f46f932, 0x7fa393c5,
    0x80000000,
};

/* 2^(-i/256) * 2^32, the first cut to 32 bits */
static const u32 exp2_table[257] = {
    0xffffffff, 0xff4ecb59, 0xfe9e115c, 0xfdedd1b5, 0xfd3e0c0d, 0xfc8ec011, 0xfbdfed6d, 0xfb3193cc,
    0xfa83b2db, 0xf9d64a47, 0xf92959bb, 0xf87ce0e6, 0xf7d0df73, 0xf7255511, 0xf67a416c, 0xf5cfa434,
    0xf5257d15, 0xf47bcbbe, 0xf3d28fde, 0xf329c923, 0xf281773c, 0xf1d999d9, 0xf13230a8, 0xf08b3b59,
    0xefe4b99c, 0xef3eab21, 0xee990f98, 0xedf3e6b2, 0xed4f301f, 0xecaaeb90, 0xec0718b6, 0xeb63b743,
    0xeac0c6e8, 0xea1e4756, 0xe97c3840, 0xe8da9958, 0xe8396a50, 0xe798aadb, 0xe6f85aab, 0xe6587973,
    0xe5b906e7, 0xe51a02bb, 0xe47b6ca0, 0xe3dd444c, 0xe33f8973, 0xe2a23bc8, 0xe2055b00, 0xe168e6d0,
    0xe0ccdeec, 0xe031430a, 0xdf9612df, 0xdefb4e20, 0xde60f482, 0xddc705bd, 0xdd2d8185, 0xdc946791,
    0xdbfbb798, 0xdb637150, 0xdacb946f, 0xda3420ae, 0xd99d15c2, 0xd9067365, 0xd870394c, 0xd7da6731,
    0xd744fccb, 0xd6aff9d2, 0xd61b5dff, 0xd587290a, 0xd4f35aac, 0xd45ff29e, 0xd3ccf09a, 0xd33a5458,
    0xd2a81d92, 0xd2164c02, 0xd184df62, 0xd0f3d76c, 0xd06333db, 0xcfd2f468, 0xcf4318cf, 0xceb3a0ca,
    0xce248c15, 0xcd95da6b, 0xcd078b86, 0xcc799f24, 0xcbec14ff, 0xcb5eecd4, 0xcad2265e, 0xca45c15b,
    0xc9b9bd86, 0xc92e1a9d, 0xc8a2d85d, 0xc817f681, 0xc78d74c9, 0xc70352f0, 0xc67990b6, 0xc5f02dd7,
    0xc5672a11, 0xc4de8524, 0xc4563ecc, 0xc3ce56ca, 0xc346ccda, 0xc2bfa0bd, 0xc238d231, 0xc1b260f6,
    0xc12c4cca, 0xc0a6956f, 0xc0213aa2, 0xbf9c3c25, 0xbf1799b6, 0xbe935318, 0xbe0f680a, 0xbd8bd84c,
    0xbd08a39f, 0xbc85c9c5, 0xbc034a7f, 0xbb81258d, 0xbaff5ab2, 0xba7de9af, 0xb9fcd245, 0xb97c1437,
    0xb8fbaf47, 0xb87ba338, 0xb7fbefcb, 0xb77c94c3, 0xb6fd91e3, 0xb67ee6ef, 0xb60093a8, 0xb58297d4,
    0xb504f334, 0xb487a58d, 0xb40aaea2, 0xb38e0e38, 0xb311c413, 0xb295cff6, 0xb21a31a6, 0xb19ee8e9,
    0xb123f582, 0xb0a95736, 0xb02f0dcc, 0xafb51907, 0xaf3b78ad, 0xaec22c85, 0xae493453, 0xadd08fdd,
    0xad583eea, 0xace04140, 0xac6896a5, 0xabf13edf, 0xab7a39b6, 0xab0386ef, 0xaa8d2653, 0xaa1717a8,
    0xa9a15ab5, 0xa92bef42, 0xa8b6d516, 0xa8420bfa, 0xa7cd93b5, 0xa7596c0f, 0xa6e594d0, 0xa6720dc1,
    0xa5fed6aa, 0xa58bef53, 0xa5195787, 0xa4a70f0d, 0xa43515ae, 0xa3c36b34, 0xa3520f69, 0xa2e10215,
    0xa2704303, 0xa1ffd1fc, 0xa18faecb, 0xa11fd938, 0xa0b05110, 0xa041161b, 0x9fd22825, 0x9f6386f9,
    0x9ef53261, 0x9e872a27, 0x9e196e19, 0x9dabfdff, 0x9d3ed9a7, 0x9cd200dc, 0x9c657368, 0x9bf93119,
    0x9b8d39ba, 0x9b218d17, 0x9ab62afd, 0x9a4b1337, 0x99e04593, 0x9975c1dd, 0x990b87e2, 0x98a1976f,
    0x9837f052, 0x97ce9256, 0x97657d4a, 0x96fcb0fb, 0x96942d37, 0x962bf1cc, 0x95c3fe87, 0x955c5337,
    0x94f4efa9, 0x948dd3ad, 0x9426ff10, 0x93c071a1, 0x935a2b2f, 0x92f42b89, 0x928e727e, 0x9228ffdc,
    0x91c3d374, 0x915eed14, 0x90fa4c8c, 0x9095f1ac, 0x9031dc43, 0x8fce0c22, 0x8f6a8118, 0x8f073af6,
    0x8ea4398b, 0x8e417ca9, 0x8ddf0420, 0x8d7ccfc1, 0x8d1adf5b, 0x8cb932c2, 0x8c57c9c4, 0x8bf6a435,
    0x8b95c1e4, 0x8b3522a4, 0x8ad4c645, 0x8a74ac9a, 0x8a14d575, 0x89b540a8, 0x8955ee03, 0x88f6dd5b,
    0x88980e81, 0x88398147, 0x87db3580, 0x877d2aff, 0x871f6197, 0x86c1d91a, 0x8664915c, 0x86078a2f,
    0x85aac368, 0x854e3cd9, 0x84f1f656, 0x8495efb3, 0x843a28c4, 0x83dea15c, 0x8383594f, 0x83285072,
    0x82cd8699, 0x8272fb98, 0x8218af43, 0x81bea171, 0x8164d1f4, 0x810b40a2, 0x80b1ed50, 0x8058d7d3,
    0x80000000,
};

/* -ln((random + 1) / 2^32) in 16.16 fixed point: exponentially distributed with mean 1. */
static __always_inline u64 exponential_from(u32 random)
{
	u64 x = (u64)random + 1; /* 1 .. 2^32 */
	u32 bits = 0, index, step, low, high;
	u64 fraction, log2_31;

	/* Shift x up until bit 32 is its highest: x = 2^(32 - bits) * (1 + fraction). */
	for (step = 32; step; step >>= 1) {
		if (x < (1ULL << (33 - step))) {
			x <<= step;
			bits += step;
		}
	}
	fraction = x & 0xffffffff;
	index = fraction >> 24;
	low = log2_table[index & 0xff];
	high = log2_table[(index & 0xff) + 1];
	log2_31 = low + (((u64)(high - low) * (fraction & 0xffffff)) >> 24);
	/* -log2 = bits - log2(1 + fraction), times ln 2 = 0xb17217f8 / 2^32. */
	return (((((u64)bits << 31) - log2_31) >> 8) * 0xb17217f8ULL) >> 39;
}

/* exp(-x) in 0.32, for x in 32.32 fixed point. */
static __always_inline u64 exp_of_minus(u64 x)
{
	/* x * log2(e) = x + x * 0.44269504; its whole part shifts, its fraction is looked up. */
	u64 y = x + (((x >> 8) * 0x7154765fULL) >> 24);
	u64 whole = y >> 32;
	u32 index = (y >> 24) & 0xff;
	u64 low = exp2_table[index];
	u64 high = exp2_table[index + 1];

	if (whole > 31)
		return 0;
	return (low - (((low - high) * (y & 0xffffff)) >> 24)) >> whole;
}

/* 1 / (1 - exp(-bytes/mean)) in 32.32 fixed point, for mean in [1, 2^31). */
static __always_inline u64 sampling_weight(u64 bytes, u64 mean)
{
	u64 x, cube;

	if (bytes == 0)
		bytes = 1;
	if (bytes >= 32 * mean)
		return WEIGHT_ONE;
	/* bytes < 32 * 2^31: scaled down together, the ratio stays good to 2^-15. */
	x = bytes < WEIGHT_ONE ? (bytes << 32) / mean : ((bytes >> 5) << 32) / (mean >> 5);
	if (x > WEIGHT_ONE / 2)
		return (WEIGHT_ONE << 31) / ((WEIGHT_ONE - exp_of_minus(x)) >> 1);
	/* For small x the difference above cancels; Bernoulli's series 1/x + 1/2 + x/12 - x^3/720.
	 */
	cube = (((x * x) >> 32) * x) >> 32;
	return (mean << 32) / bytes + WEIGHT_ONE / 2 + x / 12 - cube / 720;
}

/* What `amount` becomes for a weight: amount * weight, without overflow for amount < 2^43. */
static __always_inline u64 weighted(u64 amount, u64 weight)
{
	u64 whole = amount * (weight >> 32);
	u64 fraction = weight & 0xffffffff;

	if (amount < WEIGHT_ONE)
		return whole + ((amount * fraction) >> 32);
	return whole + (amount >> 16) * (fraction >> 16);
}

/*
 * What a sampled block adds to the estimated variance of the sum of bytes, in units of 256 bytes^2:
 * bytes^2 * (1 - p) / p^2 with p = 1/weight (Horvitz and Thompson 1952, for samples that are
 * independent of each other, as those of a Poisson process are). It is below mean^2, whatever the
 * size: with x = bytes/mean it is mean^2 * (x/2 / sinh(x/2))^2.
 */
static __always_inline u64 variance_in_256ths(u64 bytes, u64 weight)
{
	u64 standing_for = weighted(bytes, weight);

	return weight == WEIGHT_ONE ? 0 : (standing_for * (standing_for - bytes) + 128) >> 8;
}

#ifdef __BPF__
/*
 * The weight of an allocation of that many bytes: 0 if it is not sampled. The gap to the next
 * sample is drawn anew at each sample, and when the rate was changed; the process has no memory, so
 * both leave it as it is.
 */
static __always_inline u64 sample(struct thread_state *thread, u64 bytes)
{
	u64 mean = sample_bytes;

	if (!mean)
		return WEIGHT_ONE;
	if (thread->sampled_at != mean) {
		thread->sampled_at = mean;
		thread->until_sample = (mean * exponential_from(bpf_get_prandom_u32())) >> 16;
	}
	thread->until_sample -= bytes ? bytes : 1;
	if (thread->until_sample > 0)
		return 0;
	thread->until_sample = (mean * exponential_from(bpf_get_prandom_u32())) >> 16;
	return sampling_weight(bytes, mean);
}
#endif

#endif
